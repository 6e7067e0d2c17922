-- Which surface a call is made on. The surface, not the outcome, decides the dialect of the answer.

local surfaces = {}

-- First match wins; what matches none is answered as /v2 answers.
local PREFIXES = {
  {"/logon/", "pages"},
  {"/v2/oauth/", "oauth"},
  {"/v3/", "tpns"},
  {"/.well-known/", "discovery"},
  {"/d/", "discovery"},
  {"/docs/", "docs"},
}
local PATHS = {["/v2/oauth/authorize"] = "pages", ["/"] = "rpc", ["/v3"] = "tpns", ["/healthz"] = "health", ["/ready"] = "health", ["/docs"] = "docs"}

-- What is known of a call from its path (with its query), host and request id; each may be nil.
-- `twice` says that the vendor's pages spell the answer's first fields in two ways, so that both are printed. `bearer`
-- says that the call takes an access token though it stands among those on which a client proves itself.
function surfaces.describe(path, host, request_id)
  local bare, query = (path or ""):match("^([^?#]*)%??([^#]*)")
  local call = {
    surface = PATHS[bare],
    path = bare,
    query = query,
    -- Printed in answers: nothing that is no host.
    host = (host or ""):match("^[%w.:%[%]-]+$") or "",
    request_id = request_id or "",
    twice = bare == "/v3/device/account/query",
    bearer = bare == "/v2/oauth/userinfo",
  }
  for _, entry in ipairs(PREFIXES) do
    if call.surface then break end
    if bare:sub(1, #entry[1]) == entry[1] then call.surface = entry[2] end
  end
  call.surface = call.surface or "pds"
  return call
end

-- Whether a content-type is native gRPC, which is answered with a gRPC status and no dialect.
function surfaces.is_grpc(content_type)
  return content_type ~= nil and (content_type == "application/grpc" or content_type:sub(1, 17) == "application/grpc+")
end

return surfaces
