-- What went wrong with a call: a reason of proto/ and a message that may be read by strangers.

local json = require("json")
local reasons = require("reasons")

local refusal = {}

-- The gateway's own words, and all that is told of a fault on this side.
local MESSAGES = {
  UNAUTHENTICATED = "The credential is missing or not valid.",
  PERMISSION_DENIED = "The caller is not authorized to make this call.",
  REQUEST_MALFORMED = "The request is not well-formed.",
  ROUTE_NOT_FOUND = "Nothing answers to this method and path.",
  REQUEST_TOO_LARGE = "The request is too large.",
  OVERLOADED = "Too many requests. Try again later.",
  UNAVAILABLE = "The service is unavailable. Try again.",
  DEADLINE_EXCEEDED = "The deadline passed before the answer was there.",
  INTERNAL = "The request has failed due to some unknown error.",
}

-- Where nobody gave a reason: Envoy's own refusals, and gRPC statuses that no code of ours chose.
local BY_STATUS = {
  [401] = "UNAUTHENTICATED", [403] = "PERMISSION_DENIED", [404] = "ROUTE_NOT_FOUND", [405] = "ROUTE_NOT_FOUND",
  -- A service that stops cancels what it did not come to.
  [499] = "UNAVAILABLE",
  [413] = "REQUEST_TOO_LARGE", [414] = "REQUEST_TOO_LARGE", [429] = "OVERLOADED", [431] = "REQUEST_TOO_LARGE",
  [503] = "UNAVAILABLE", [504] = "DEADLINE_EXCEEDED",
}

local function by_status(status)
  return BY_STATUS[status] or (status < 500 and "REQUEST_MALFORMED" or "INTERNAL")
end

-- The reason in the details of a google.rpc.Status, if it is one of ours.
local function known_reason(value)
  local details = json.get(value, "details")
  if type(details) ~= "table" then return nil end
  for _, detail in ipairs(details) do
    local reason = json.get(detail, "reason")
    if json.get(detail, "domain") == "tessera" and type(reason) == "string" and reasons[reason] then return reason end
  end
  return nil
end

-- Reason and message of an error, from its HTTP status and its google.rpc.Status in JSON (decoded; nil: there is none).
-- A message passes only with a reason of ours, which is the mark of one that was written for callers.
function refusal.read(value, status)
  local reason = known_reason(value)
  local message = json.get(value, "message")
  if reason and status < 500 and type(message) == "string" and message ~= "" then return reason, message end
  reason = reason or by_status(status)
  if status == 408 then return reason, "The request did not come in time." end
  return reason, MESSAGES[reason] or MESSAGES[by_status(status)]
end

-- A refusal of the gateway's own, in the form that services give theirs. Without a message: the reason's.
function refusal.status(reason, message)
  return json.encode(json.object({
    {"message", message or MESSAGES[reason]},
    {"details", json.array({json.object({{"reason", reason}, {"domain", "tessera"}})})},
  }))
end

return refusal
