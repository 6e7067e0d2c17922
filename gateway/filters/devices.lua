-- What the body of a call on /v3 may not be, though the transcoder would take it: something else than a list where a list
-- belongs, or a null or a list in it, which it leaves out, so that codes no longer stand beside their entries; a field
-- twice; JSON that is none. Of the rest the transcoder and the service judge.
--
-- The text is walked byte by byte and nothing is built: LuaJIT compiles that, and a body may have a mebibyte.

local devices = {}

-- As deep as the transcoder goes.
local MAX_DEPTH = 100

local TAB, LINE_FEED, RETURN, BLANK, QUOTE, COMMA, COLON, BACKSLASH = 9, 10, 13, 32, 34, 44, 58, 92
local OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT = 91, 93, 123, 125

local ESCAPES = {}
for char in ('"\\/bfnrtu'):gmatch(".") do ESCAPES[char:byte()] = true end

-- Fields by both spellings that the transcoder knows. A field that is a list has what its items begin with, and `fields`
-- where they are objects.
local function fields_of(fields)
  local named = {}
  for name, field in pairs(fields) do
    field.name = name
    named[name], named[(name:gsub("_(%l)", string.upper))] = field, field
  end
  return named
end

local ACCOUNT = fields_of({account = {}, account_type = {}})
local ENTRY = fields_of({token = {}, account_list = {items = OPEN_OBJECT, fields = ACCOUNT}})
local REQUEST = fields_of({
  operator_type = {}, account_type = {}, request_id = {},
  token_accounts = {items = OPEN_OBJECT, fields = ENTRY},
  token_list = {items = QUOTE},
  account_list = {items = OPEN_OBJECT, fields = ACCOUNT},
})
local UNKNOWN, NONE = {}, {}

local function skip(text, at)
  local byte = text:byte(at)
  while byte == BLANK or byte == LINE_FEED or byte == RETURN or byte == TAB do
    at = at + 1
    byte = text:byte(at)
  end
  return at, byte
end

-- The place behind a string, from that behind its first quote.
local function behind_string(text, at)
  while true do
    local byte = text:byte(at)
    if byte == QUOTE then return at + 1 end
    if not byte or byte < BLANK then error("open string") end
    if byte == BACKSLASH then
      at = at + 1
      if not ESCAPES[text:byte(at)] then error("escape") end
    end
    at = at + 1
  end
end

-- The place behind a number or a word, which the transcoder reads.
local function behind_word(text, at)
  local from, byte = at, text:byte(at)
  while byte and (byte >= 97 and byte <= 122 or byte >= 48 and byte <= 57 or byte == 43 or byte == 45 or byte == 46
    or byte == 69) do
    at = at + 1
    byte = text:byte(at)
  end
  if at == from then error("value") end
  return at
end

local behind_value

-- The place behind an object, from that behind its brace. `fields`: those that are known of it.
local function behind_object(text, at, fields, depth)
  local byte
  local seen = {}
  at, byte = skip(text, at)
  if byte == CLOSE_OBJECT then return at + 1 end
  while true do
    if byte ~= QUOTE then error("key") end
    local behind = behind_string(text, at + 1)
    local name = text:sub(at + 1, behind - 2)
    -- Only the transcoder would know by which name a letter that is escaped makes it one of ours.
    -- The first look is one that LuaJIT compiles.
    if fields ~= NONE and name:find("\\u00", 1, true) and name:find("\\u00[4-7]") then error("escaped name") end
    local field = fields[name] or UNKNOWN
    if field.name then
      if seen[field.name] then error("twice") end
      seen[field.name] = true
    end
    at, byte = skip(text, behind)
    if byte ~= COLON then error("colon") end
    at, byte = skip(text, at + 1)
    if field.items and byte ~= OPEN_LIST and text:sub(at, at + 3) ~= "null" then error("no list") end
    at, byte = skip(text, behind_value(text, at, field, depth))
    if byte == CLOSE_OBJECT then return at + 1 end
    if byte ~= COMMA then error("separator") end
    at, byte = skip(text, at + 1)
  end
end

-- The place behind a list, from that behind its bracket. `field`: whose it is.
local function behind_list(text, at, field, depth)
  local byte
  at, byte = skip(text, at)
  if byte == CLOSE_LIST then return at + 1 end
  while true do
    if field.items and byte ~= field.items then error("item") end
    at, byte = skip(text, behind_value(text, at, field, depth))
    if byte == CLOSE_LIST then return at + 1 end
    if byte ~= COMMA then error("separator") end
    at, byte = skip(text, at + 1)
  end
end

function behind_value(text, at, field, depth)
  if depth > MAX_DEPTH then error("depth") end
  local byte = text:byte(at)
  if byte == QUOTE then return behind_string(text, at + 1) end
  if byte == OPEN_OBJECT then return behind_object(text, at + 1, field.fields or NONE, depth + 1) end
  if byte == OPEN_LIST then return behind_list(text, at + 1, field, depth + 1) end
  return behind_word(text, at)
end

local function walk(text)
  local at = skip(text, behind_value(text, (skip(text, 1)), {fields = REQUEST}, 0))
  if at <= #text then error("more than a value") end
end

-- Whether a body is none. No body at all is an empty request.
function devices.malformed(text)
  return text ~= "" and not pcall(walk, text)
end

return devices
