-- How each surface says an error. The words of a reason stand in proto/, in its option `dialect`.

local json = require("json")
local reasons = require("reasons")
local xml = require("xml")

local dialect = {}

local JSON = "application/json"

-- RFC 6749 section 5.2 lets error_description hold %x20-21, %x23-5B and %x5D-7E alone.
local function description(message)
  return (message:gsub('"', "'"):gsub("\\", "/"):gsub("[^\32-\126]", ""))
end

-- The RFC's two members, and beside them those that the vendor's clients read.
local function oauth(_, words, message)
  return JSON, json.encode(json.object({
    {"error", words.oauth}, {"error_description", description(message)}, {"code", words.pds}, {"message", message},
  }))
end

local function pds(_, words, message)
  return JSON, json.encode(json.object({{"code", words.pds}, {"message", message}}))
end

local function rpc(call, words, message)
  local error = json.object({
    {"RequestId", call.request_id:upper()}, {"HostId", call.host}, {"Code", words.rpc}, {"Message", message},
  })
  if call.format == "JSON" then return "application/json;charset=utf-8", json.encode(error) end
  return "text/xml;charset=utf-8", xml.document("Error", error)
end

local function tpns(call, words, message)
  local fields = json.object({{"ret_code", json.number(words.tpns)}, {"err_msg", message}})
  if call.twice then
    fields[3], fields[4] = {"retCode", fields[1][2]}, {"errMsg", message}
  end
  fields[#fields + 1] = {"result", json.array({})}
  return JSON, json.encode(fields)
end

local function health(call, words, message, reason)
  if reason ~= "UNAVAILABLE" then return pds(call, words, message) end
  return JSON, '{"status":"unavailable"}'
end

-- Its hash stands in the policy of reply.lua.
local STYLE = "body{margin:0;min-height:100vh;display:grid;place-items:center;font:1rem/1.5 system-ui,sans-serif;"
  .. "color:#161b26;background:#eef1f6}main{max-width:24rem;margin:1rem;padding:2rem;border-radius:.75rem;"
  .. "background:#fff}h1{margin:0 0 .5rem;font-size:1.4rem}p{margin:0}"
  .. "@media(prefers-color-scheme:dark){body{color:#eef1f6;background:#0f1218}main{background:#191e27}}"

-- For people, who may read either language. What service and page look like is account's; this is for when that does not
-- answer.
local function pages(_, _, message)
  return "text/html; charset=utf-8", "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
    .. "<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">"
    .. "<title>Log on</title><style>" .. STYLE .. "</style></head><body><main>"
    .. "<h1>Something went wrong</h1><p>" .. xml.escape(message)
    .. "<br><span lang=\"zh-Hans\">操作未成功，请返回应用重试。</span></p></main></body></html>"
end

local SURFACES = {pages = pages, oauth = oauth, pds = pds, discovery = pds, docs = pds, rpc = rpc, tpns = tpns, health = health}

-- Content-type and body of an error on the surface of a call.
function dialect.error(call, reason, message)
  return SURFACES[call.surface](call, reasons[reason], message, reason)
end

-- HTTP status of an error on the surface of a call, from the one that its gRPC status stands for. The vendor has its own
-- for some words.
function dialect.status(call, reason, status)
  local own = reasons[reason].pds_status
  return call.surface == "pds" and own > 0 and own or status
end

return dialect
