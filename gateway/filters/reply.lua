-- The way out: every answer in the dialect of its surface, and nothing of the inside in it.

local dialect = require("dialect")
local json = require("json")
local refusal = require("refusal")
local rpc = require("rpc")
local surfaces = require("surfaces")

local reply = {}

-- Reasons after which the same call is worth another try, and when, in seconds (RFC 6585 section 4). No quota is among
-- them: it does not fill up again by itself.
local RETRY_AFTER = {LIMIT_EXCEEDED = "1", OVERLOADED = "1", RATE_LIMITED = "1"}

-- Header names that stay inside.
local function is_inner(name)
  return name:match("^grpc%-") or name:match("^x%-tessera%-") or name:match("^x%-envoy%-")
end

-- Surfaces whose answers are the same for everybody and may be kept, for as long as they say.
local KEPT = {discovery = true, docs = true}

-- What a page may be answered with. Account says it in a header, since the transcoder knows 200 alone.
local PAGE_STATUSES = {["200"] = true, ["303"] = true, ["400"] = true, ["403"] = true, ["404"] = true, ["405"] = true,
  ["429"] = true, ["503"] = true}

-- With every page, those that the gateway has to make itself included: in no frame, with no script, with the style of
-- dialect.lua alone, and with no word to anybody of where one was.
local PAGE_HEADERS = {
  ["content-security-policy"] = "default-src 'none'; frame-ancestors 'none'; "
    .. "style-src 'sha256-6BSGIMR7ol9Vomv+QyLZNfdw5qsmIJocs7D0HDJ56uw='",
  ["referrer-policy"] = "no-referrer", ["x-content-type-options"] = "nosniff", ["x-frame-options"] = "DENY"}

-- How the caller may prove itself: RFC 6749 section 5.2 for clients, RFC 6750 section 3 for access tokens; nil where that
-- would not help.
function reply.challenge(call, status, reason)
  if call.surface == "tpns" or call.surface == "pages" then return nil end
  if call.surface == "oauth" and not call.bearer then return status == 401 and 'Basic realm="tessera"' or nil end
  if status == 401 then
    return 'Bearer realm="tessera"' .. (call.bearer and call.proven and ', error="invalid_token"' or "")
  end
  if call.bearer and reason == "PERMISSION_DENIED" then
    return 'Bearer realm="tessera", error="insufficient_scope", scope="openid"'
  end
  return nil
end

local function remove_inner(headers)
  local inner = {}
  for name in pairs(headers) do
    if is_inner(name) then inner[#inner + 1] = name end
  end
  for _, name in ipairs(inner) do headers:remove(name) end
end

-- Native gRPC is spoken to the services themselves: UNIMPLEMENTED, whoever refused it and why.
local function refuse_grpc(headers)
  remove_inner(headers)
  headers:replace("grpc-status", "12")
end

local function tidy(headers, call, status, reason)
  remove_inner(headers)
  -- The second is the name under which a vendor's clients look for it. Envoy sets the first, but where it refused before
  -- it had looked at the call.
  headers:replace("x-request-id", call.request_id)
  headers:replace("x-ca-request-id", call.request_id)
  local keeps = KEPT[call.surface] or call.surface == "pages" and headers:get("cache-control")
  if not keeps or status >= 400 then headers:replace("cache-control", "no-store") end
  if call.surface == "oauth" then headers:replace("pragma", "no-cache") end
  if call.surface == "pages" then
    for name, value in pairs(PAGE_HEADERS) do
      if not headers:get(name) then headers:add(name, value) end
    end
  end
  local asked = reply.challenge(call, status, reason)
  if asked then headers:replace("www-authenticate", asked) end
end

-- A refusal of Envoy's own is wrapped by local_reply_config, with what is known of a call that no filter saw. Inside it
-- stands what ext_authz or a filter of ours said, or Envoy's prose, which is for nobody.
local function unwrap(value)
  local inner = json.get(value, "local_reply")
  if type(inner) ~= "string" then return value, nil end
  local function field(name)
    local text = json.get(value, name)
    return type(text) == "string" and text or nil
  end
  local call = surfaces.describe(field("path"), field("host"), field("request_id") or field("unique_id"))
  if call.surface == "rpc" then
    call.format = rpc.format(rpc.parameters(call.query), rpc.is_acs3(field("scheme")))
  end
  return json.decode(inner), call
end

-- Content-type, body, call, reason and status of an error.
local function failed(call, status, text)
  local value, described = unwrap(json.decode(text))
  call = call or described or surfaces.describe()
  local reason, message = refusal.read(value, status)
  local content_type, body = dialect.error(call, reason, message)
  return content_type, body, call, reason, dialect.status(call, reason, status)
end

-- The request's id is the edge's, in the answer as in the logs. XML comes from the service as it is to be.
local function succeeded_rpc(call, text)
  if call.format == "XML" then return "text/xml;charset=utf-8", text end
  local object = json.decode(text)
  for _, pair in ipairs(object) do
    if pair[1] == "RequestId" then pair[2] = call.request_id:upper() end
  end
  return "application/json;charset=utf-8", json.encode(object)
end

-- Prints the first two fields in the other spelling too. The rest, which may be megabytes, is not looked at.
local function succeeded_twice(text)
  local code, words = text:match('^{"ret_code":(%d+),"err_msg":("[^"\\]*")')
  if not code then return "application/json", text end
  return "application/json", '{"retCode":' .. code .. ',"errMsg":' .. words .. "," .. text:sub(2)
end

local function succeeded(call, text)
  if call.surface == "rpc" then return succeeded_rpc(call, text) end
  if call.surface == "health" then return "application/json", '{"status":"ok"}' end
  return succeeded_twice(text)
end

-- Shapes one answer.
function reply.shape(handle)
  local headers = handle:headers()
  local status = tonumber(headers:get(":status")) or 500
  -- Cancelled by a service that stops: to callers it is away.
  if status == 499 then status = 503 end
  local call = handle:streamInfo():dynamicMetadata():get("tessera")
  if call and call.surface == "grpc" or not call and surfaces.is_grpc(headers:get("content-type")) then
    return refuse_grpc(headers)
  end
  local rewritten = call and (call.surface == "rpc" or call.surface == "health" or call.twice)
  if status < 400 and not rewritten then
    if call and call.surface == "pages" then
      -- Account is asked by GET for what HEAD asks, and Envoy would pass the page on (RFC 9110 section 9.3.2).
      if call.bodiless then handle:body(true):setBytes("") end
      headers = handle:headers()
      local said = headers:get("x-tessera-status")
      headers:replace(":status", PAGE_STATUSES[said] and said or "500")
    end
    if call then tidy(headers, call, status) end
    return
  end

  local body = handle:body(true)
  local text = body:getBytes(0, body:length())
  local shaped, content_type, out, described, reason, said
  if status < 400 then
    shaped, content_type, out = pcall(succeeded, call, text)
  else
    shaped, content_type, out, described, reason, said = pcall(failed, call, status, text)
  end
  -- Envoy wraps a refusal of its own, and leaves out what it says where HEAD was asked: a body in that answer would be
  -- read as the next one's beginning (RFC 9110 section 9.3.2).
  local bodiless = call and call.bodiless or not call and text == ""
  call = call or described or surfaces.describe()
  status = said or status
  if not shaped then
    -- A Lua error would let the text through as it is.
    handle:logErr("answer not shaped: " .. tostring(content_type))
    status = 500
    content_type, out = failed(call, status, "")
  end
  if not bodiless then body:setBytes(out) end

  -- Taken anew: a wrapper does not outlive the wait for the body.
  headers = handle:headers()
  tidy(headers, call, status, reason)
  headers:replace("content-type", content_type)
  if RETRY_AFTER[reason] then headers:replace("retry-after", RETRY_AFTER[reason]) end
  -- The vendor's clients read a body on 200 alone; the access log keeps the status that it was.
  headers:replace(":status", tostring(call.surface == "tpns" and 200 or status))
  local metadata = handle:streamInfo():dynamicMetadata()
  metadata:set("tessera", "status", status)
  if reason then metadata:set("tessera", "reason", reason) end
end

return reply
