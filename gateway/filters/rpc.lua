-- The vendor's RPC style: GET or POST on "/", parameters in query and form together, one of them the Action.

local form = require("form")
local json = require("json")

local rpc = {}

-- Parameters of the style itself. They end here: no message has them, and a signature is no service's business.
local COMMON = {
  Action = true, Version = true, Format = true, AccessKeyId = true, Signature = true, SignatureMethod = true,
  SignatureVersion = true, SignatureNonce = true, SignatureType = true, Timestamp = true, SecurityToken = true,
  BearerToken = true,
}

local function value_of(parameters, name)
  for _, pair in ipairs(parameters) do
    if pair[1] == name then return pair[2] end
  end
  return nil
end

-- Every parameter of a call, as form.decode answers them. The body counts if it is a form.
function rpc.parameters(query, content_type, body)
  return form.decode(query, form.is(content_type) and body or "")
end

-- Whether a credential is of the third version of the vendor's signature, whose callers send no Format and read JSON.
function rpc.is_acs3(authorization)
  return (authorization or ""):sub(1, 5):upper() == "ACS3-"
end

-- "JSON" or "XML" as the caller asks, in any case; where it does not ask, XML, or JSON if `acs3`; nil where it asks for
-- something else.
function rpc.format(parameters, acs3)
  local format = (value_of(parameters, "Format") or ""):upper()
  if format == "" then return acs3 and "JSON" or "XML" end
  return (format == "JSON" or format == "XML") and format or nil
end

-- Where the transcoder finds an Action: one service answers in JSON, by the path in proto/; the other in XML, by name.
function rpc.path(action, format)
  return (format == "JSON" and "/rpc/" or "/tessera.account.v1.OpenAccountXmlService/") .. action
end

-- The Action and the JSON body of its request. Nil, a reason and a message where it is none. `header` is the Action that
-- a header told, where that is signed; the empty text and nil: none did.
function rpc.request(parameters, intact, header)
  if not intact then return nil, "REQUEST_MALFORMED" end
  local action = value_of(parameters, "Action")
  if header and header ~= "" then
    if action and action ~= header then return nil, "REQUEST_MALFORMED" end
    action = header
  end
  if not action or action == "" then return nil, "FIELD_MISSING", "Action is mandatory for this action." end
  if not rpc.format(parameters) then return nil, "FORMAT_INVALID", "Specified parameter format is not valid." end
  if #action > 64 or not action:match("^%w+$") then return nil, "ROUTE_NOT_FOUND" end
  local fields = json.object({})
  for _, pair in ipairs(parameters) do
    -- The transcoder would also take a field under its proto name, beside the one that was looked at.
    if not COMMON[pair[1]] and pair[1]:match("^%u") then fields[#fields + 1] = pair end
  end
  return action, json.encode(fields)
end

return rpc
