-- Errors as XML in the vendor's RPC style: a key is an element. Answers are made by the service (ADR 0046).

local xml = {}

local ESCAPES = {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&apos;", ["\r"] = "&#13;"}
local REPLACEMENT = "\239\191\189"

-- A text as XML 1.0 may hold it: what it cannot hold at all, control characters and U+FFFE/F, becomes U+FFFD.
function xml.escape(text)
  text = text:gsub("[%z\1-\8\11\12\14-\31]", REPLACEMENT):gsub("\239\191[\190\191]", REPLACEMENT)
  return (text:gsub("[&<>\"'\r]", ESCAPES))
end

-- A document of texts, each an element below one root.
function xml.document(root, object)
  local parts = {}
  for index, pair in ipairs(object) do
    parts[index] = "<" .. pair[1] .. ">" .. xml.escape(pair[2]) .. "</" .. pair[1] .. ">"
  end
  return '<?xml version="1.0" encoding="UTF-8"?><' .. root .. ">" .. table.concat(parts) .. "</" .. root .. ">"
end

return xml
