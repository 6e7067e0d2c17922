-- application/x-www-form-urlencoded, in bodies and in query strings.

local form = {}

-- No call has as many parameters. What one costs does not depend on its length: a body of 64 KiB had room for 40 ms.
local MAX_PARAMETERS = 1000

-- Whether a text is well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
local function is_utf8(text)
  local at = text:find("[\128-\255]")
  while at do
    local lead, second = text:byte(at, at + 1)
    local length = lead >= 0xC2 and lead < 0xE0 and 2 or lead >= 0xE0 and lead < 0xF0 and 3 or lead >= 0xF0 and lead < 0xF5 and 4
    if not length or not text:match("^[\128-\191]" .. ("[\128-\191]"):rep(length - 2), at + 1) then return false end
    local least = lead == 0xE0 and 0xA0 or lead == 0xF0 and 0x90 or 0x80
    local most = lead == 0xED and 0x9F or lead == 0xF4 and 0x8F or 0xBF
    if second < least or second > most then return false end
    at = text:find("[\128-\255]", at + length)
  end
  return true
end

-- One name or value; nil where an escape is broken or what it spells is not UTF-8.
local function unescape(text)
  text = text:gsub("%+", " ")
  if text:gsub("%%%x%x", ""):find("%", 1, true) then return nil end
  text = text:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end)
  return is_utf8(text) and text or nil
end

-- The parameters of some texts as one list of {name, value} pairs, in their order; a parameter without "=" is empty.
-- The second answer is false where something is broken, a name stands twice, or there are too many: the list is then what
-- could be read.
function form.decode(...)
  local parameters, seen, intact, count = {}, {}, true, 0
  for _, text in ipairs({...}) do
    for piece in text:gmatch("[^&]+") do
      count = count + 1
      if count > MAX_PARAMETERS then return parameters, false end
      local name, value = piece:match("^([^=]*)=?(.*)$")
      name, value = unescape(name), unescape(value)
      if name and value and not seen[name] then
        seen[name] = true
        parameters[#parameters + 1] = {name, value}
      else
        intact = false
      end
    end
  end
  return parameters, intact
end

-- Whether a content-type says that the body is a form.
function form.is(content_type)
  local media = (content_type or ""):lower():match("^%s*([^;%s]*)")
  return media == "application/x-www-form-urlencoded"
end

return form
