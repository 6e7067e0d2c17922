-- JSON as the gateway needs it: keys stay in their order, and a number stays the text that it was.
--
-- A value is a string, true, false, json.null, or a table with a `kind`: an "object" lists {key, value} pairs, an
-- "array" its values, a "number" holds its `text`.

local json = {null = {kind = "null"}}

-- Deeper than any message of ours, and far from the end of the stack.
local MAX_DEPTH = 64

local ESCAPES = {['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t"}
local UNESCAPES = {['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t"}

function json.object(pairs_in_order)
  pairs_in_order.kind = "object"
  return pairs_in_order
end

function json.array(values)
  values.kind = "array"
  return values
end

function json.number(value)
  return {kind = "number", text = tostring(value)}
end

-- The value under a key of an object; nil where there is none, or no object. Of equal keys the first counts.
function json.get(value, key)
  if type(value) ~= "table" or value.kind ~= "object" then return nil end
  for _, pair in ipairs(value) do
    if pair[1] == key then return pair[2] end
  end
  return nil
end

local function utf8(point)
  if point < 0x80 then return string.char(point) end
  if point < 0x800 then return string.char(0xC0 + math.floor(point / 0x40), 0x80 + point % 0x40) end
  local low = string.char(0x80 + math.floor(point / 0x40) % 0x40, 0x80 + point % 0x40)
  if point < 0x10000 then return string.char(0xE0 + math.floor(point / 0x1000)) .. low end
  return string.char(0xF0 + math.floor(point / 0x40000), 0x80 + math.floor(point / 0x1000) % 0x40) .. low
end

-- The character of \uXXXX, or of a pair of surrogates; half a pair is U+FFFD. Answers it and the place behind it.
local function escaped_point(text, at)
  local digits = text:match("^%x%x%x%x", at) or error("escape")
  local point = tonumber(digits, 16)
  if point >= 0xD800 and point < 0xDC00 then
    local low = tonumber(text:match("^\\u([dD][c-fC-F]%x%x)", at + 4) or "", 16)
    if low then return utf8(0x10000 + (point - 0xD800) * 0x400 + low - 0xDC00), at + 10 end
  end
  if point >= 0xD800 and point < 0xE000 then point = 0xFFFD end
  return utf8(point), at + 4
end

local function read_string(text, at)
  local parts = {}
  while true do
    local stop = text:find('["\\%z\1-\31]', at) or error("open string")
    parts[#parts + 1] = text:sub(at, stop - 1)
    local char, escape = text:sub(stop, stop), text:sub(stop + 1, stop + 1)
    if char == '"' then return table.concat(parts), stop + 1 end
    if char ~= "\\" then error("control character") end
    if escape == "u" then
      parts[#parts + 1], at = escaped_point(text, stop + 2)
    else
      parts[#parts + 1], at = UNESCAPES[escape] or error("escape"), stop + 2
    end
  end
end

local function read_number(text, at)
  local whole = text:match("^%-?0", at) or text:match("^%-?[1-9]%d*", at) or error("value")
  local number = whole .. (text:match("^%.%d+", at + #whole) or "")
  number = number .. (text:match("^[eE][+-]?%d+", at + #number) or "")
  return {kind = "number", text = number}, at + #number
end

local function skip(text, at)
  return text:find("[^ \t\r\n]", at) or #text + 1
end

local read_value

-- What stands between two brackets, a comma after each but the last; `read_item` adds one to `items`.
local function read_items(text, at, closing, items, read_item)
  at = skip(text, at)
  if text:sub(at, at) == closing then return items, at + 1 end
  while true do
    at = skip(text, read_item(at))
    local char = text:sub(at, at)
    if char == closing then return items, at + 1 end
    if char ~= "," then error("separator") end
    at = skip(text, at + 1)
  end
end

local function read_object(text, at, depth)
  local object = json.object({})
  return read_items(text, at, "}", object, function(from)
    if text:sub(from, from) ~= '"' then error("key") end
    local key, colon = read_string(text, from + 1)
    colon = skip(text, colon)
    if text:sub(colon, colon) ~= ":" then error("colon") end
    local value, behind = read_value(text, skip(text, colon + 1), depth)
    object[#object + 1] = {key, value}
    return behind
  end)
end

local function read_array(text, at, depth)
  local array = json.array({})
  return read_items(text, at, "]", array, function(from)
    local value, behind = read_value(text, from, depth)
    array[#array + 1] = value
    return behind
  end)
end

function read_value(text, at, depth)
  if depth > MAX_DEPTH then error("depth") end
  local char = text:sub(at, at)
  if char == '"' then return read_string(text, at + 1) end
  if char == "{" then return read_object(text, at + 1, depth + 1) end
  if char == "[" then return read_array(text, at + 1, depth + 1) end
  local word = text:match("^%l+", at)
  if word == "true" then return true, at + 4 end
  if word == "false" then return false, at + 5 end
  if word == "null" then return json.null, at + 4 end
  return read_number(text, at)
end

-- The value that a text stands for; nil where it is not JSON.
function json.decode(text)
  local read, value, behind = pcall(function() return read_value(text, skip(text, 1), 0) end)
  if not read or skip(text, behind) <= #text then return nil end
  return value
end

local function write_string(text)
  local escaped = text:gsub('["\\%z\1-\31]', function(char)
    return ESCAPES[char] or string.format("\\u%04x", char:byte())
  end)
  return '"' .. escaped .. '"'
end

-- The text of a value, without blanks.
function json.encode(value)
  if type(value) == "string" then return write_string(value) end
  if type(value) == "boolean" then return tostring(value) end
  if value.kind == "number" then return value.text end
  if value.kind == "null" then return "null" end
  local parts = {}
  for index, item in ipairs(value) do
    if value.kind == "object" then
      parts[index] = write_string(item[1]) .. ":" .. json.encode(item[2])
    else
      parts[index] = json.encode(item)
    end
  end
  local inner = table.concat(parts, ",")
  return value.kind == "object" and "{" .. inner .. "}" or "[" .. inner .. "]"
end

return json
