-- Errors as XML in the vendor's RPC style: a key is an element. Answers are made by the service (ADR 0046).

local xml = {}

local ESCAPES = {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&apos;", ["\r"] = "&#13;"}
local REPLACEMENT = "\239\191\189"

-- A text as XML 1.0 may hold it: what it cannot hold at all, control characters and U+FFFE/F, becomes U+FFFD.
function xml.escape(text)
  text = text:gsub("[%z\1-\8\11\12\14-\31]", REPLACEMENT):gsub("\239\191[\190\191]", REPLACEMENT)
  return (text:gsub("[&<>\"'\r]", ESCAPES))
end

local function element(name, value)
  if not name:match("^[%a_][%w_.-]*$") then return "" end
  local kind = type(value) == "table" and value.kind
  local parts = {}
  if kind == "object" then
    for index, pair in ipairs(value) do parts[index] = element(pair[1], pair[2]) end
  elseif kind == "number" then
    parts[1] = value.text
  elseif kind ~= "null" then
    parts[1] = xml.escape(tostring(value))
  end
  return "<" .. name .. ">" .. table.concat(parts) .. "</" .. name .. ">"
end

-- A document with one root element.
function xml.document(root, value)
  return '<?xml version="1.0" encoding="UTF-8"?>' .. element(root, value)
end

return xml
