-- The way in: what a call is (before its credential is looked at), and what a service will read (after).

local devices = require("devices")
local form = require("form")
local json = require("json")
local refusal = require("refusal")
local rpc = require("rpc")
local surfaces = require("surfaces")

local request = {}

-- A call's head may have as much. Envoy itself takes more, so that the path is known where it is refused.
local HEAD_BYTES, HEAD_FIELDS = 32768, 64

-- Where the transcoder finds the pages.
local PAGES = "/tessera.account.v1.LogonService/"

local REFUSED = {REQUEST_MALFORMED = "400", FIELD_MISSING = "400", FORMAT_INVALID = "400", ROUTE_NOT_FOUND = "404"}

-- `status`: where it is not the reason's own.
local function refuse(handle, reason, message, status)
  local headers = {[":status"] = status or REFUSED[reason], ["content-type"] = "application/json"}
  handle:respond(headers, refusal.status(reason, message))
end

local function is_large(headers)
  local bytes, fields = 0, 0
  for name, value in pairs(headers) do bytes, fields = bytes + #name + #value, fields + 1 end
  return bytes > HEAD_BYTES or fields > HEAD_FIELDS
end

-- Whether nobody here could read a body of this content-encoding (RFC 9110 section 8.4).
local function is_coded(content_encoding)
  return content_encoding ~= nil and content_encoding ~= "" and content_encoding:lower() ~= "identity"
end

local function read(handle)
  local body = handle:body(true)
  return body:getBytes(0, body:length())
end

-- Notes the surface for the filters behind and for the answer, and refuses too large a head and two hosts. Changes
-- nothing: signatures cover what came.
function request.classify(handle)
  local headers = handle:headers()
  local content_type = headers:get("content-type")
  local call = surfaces.describe(headers:get(":path"), headers:get(":authority"), headers:get("x-request-id"))
  -- Who brought nothing is told what to bring, and not that it was no good (RFC 6750 section 3.1).
  call.proven = headers:get("authorization") ~= nil
  call.bodiless = headers:get(":method") == "HEAD"
  if surfaces.is_grpc(content_type) then call.surface = "grpc" end
  if call.surface == "rpc" then
    local acs3 = rpc.is_acs3(headers:get("authorization"))
    -- Who signs by the third version tells its Action there alone; another signature does not cover the header.
    if acs3 then call.told_action = headers:get("x-acs-action") end
    -- A refusal of the credential, too, is answered in the format that may stand in the form.
    local parameters = rpc.parameters(call.query, content_type, form.is(content_type) and read(handle) or "")
    call.format = rpc.format(parameters, acs3)
  end
  local metadata = handle:streamInfo():dynamicMetadata()
  for key, value in pairs(call) do metadata:set("tessera", key, value) end
  -- Taken anew: a wrapper does not outlive a wait for the body.
  headers = handle:headers()
  if is_large(headers) then return refuse(handle, "REQUEST_TOO_LARGE", nil, "431") end
  -- Two headers Host, of which whoever stands before us may have read the other one (RFC 9112 section 3.2).
  if (headers:get(":authority") or ""):find(",", 1, true) then refuse(handle, "REQUEST_MALFORMED") end
end

-- An RPC-style call becomes a POST of JSON on the path of its Action.
local function translate_rpc(handle, call)
  local content_type = handle:headers():get("content-type")
  local parameters, intact = rpc.parameters(call.query, content_type, read(handle))
  local action, body, message = rpc.request(parameters, intact, call.told_action)
  if not action then return refuse(handle, body, message) end
  handle:streamInfo():dynamicMetadata():set("tessera", "action", action)
  handle:body(true):setBytes(body)
  -- Taken anew: a wrapper does not outlive a wait for the body.
  local headers = handle:headers()
  headers:replace(":method", "POST")
  headers:replace(":path", rpc.path(action, call.format))
  headers:replace("content-type", "application/json")
end

-- A form at an OAuth endpoint becomes JSON. RFC 6749 section 3.2: a parameter must not stand twice.
local function translate_form(handle)
  local parameters, intact = form.decode(read(handle))
  if not intact then return refuse(handle, "REQUEST_MALFORMED") end
  local fields = json.object({})
  for _, pair in ipairs(parameters) do
    -- The transcoder would also take grantType for grant_type, and the one for the other's double.
    if not pair[1]:match("%u") then fields[#fields + 1] = pair end
  end
  handle:body(true):setBytes(json.encode(fields))
  handle:headers():replace("content-type", "application/json")
end

-- A page looks at all that its address says, in its own way.
local function translate_page(headers)
  headers:replace("x-tessera-target", headers:get(":path"))
  headers:replace(":path", PAGES .. (headers:get(":method") == "POST" and "PostPage" or "GetPage"))
  headers:replace(":method", "POST")
end

-- Turns a call that passed into what the transcoder reads, or refuses what it should not.
function request.translate(handle)
  local call = handle:streamInfo():dynamicMetadata():get("tessera")
  -- A Lua error lets a request pass; one that classify() failed on ends here.
  if not call then return refuse(handle, "REQUEST_MALFORMED") end
  if call.surface == "grpc" or call.surface == "health" then return end
  local headers = handle:headers()
  if is_coded(headers:get("content-encoding")) then
    return refuse(handle, "REQUEST_MALFORMED", "The body has a coding that is not taken.", "415")
  end
  if call.surface == "pages" then return translate_page(headers) end
  -- The transcoder would let a query string overrule the body, which not every signature covers.
  headers:replace(":path", call.path)
  if call.surface == "rpc" then
    translate_rpc(handle, call)
  elseif call.surface == "oauth" and form.is(headers:get("content-type")) then
    translate_form(handle)
  elseif call.surface == "tpns" and devices.malformed(read(handle)) then
    refuse(handle, "REQUEST_MALFORMED")
  end
end

return request
