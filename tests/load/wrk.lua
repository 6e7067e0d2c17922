-- Drives prepared HTTP requests at a rate, each once.
--
-- wrk runs this in one thread (-t1) with arguments: file of requests, requests a second, dialect of the answers. The file
-- has for each request a line with its length in bytes, and then the request as it goes over the wire.
-- A call is due at its place in the row, whether or not those before are answered, as long as a connection is free.

local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } moment;
  int clock_gettime(int clock, moment *now);
  int getpid(void);
  int kill(int process, int signal);
]]

local CLOCK_MONOTONIC, SIGINT = 1, 2
local NEVER_MS = 3600 * 1000
-- Where each dialect says what went wrong. Discovery says it by the status alone.
local CODES = {
  oauth = '"error"%s*:%s*"([^"]*)"',
  pds = '"code"%s*:%s*"([^"]*)"',
  rpc = '"Code"%s*:%s*"([^"]*)"',
}

local requests, rate, dialect = {}, 1, ""
local reserved = 0
local now_ = ffi.new("moment")
local asked = false

-- Read by done(), which runs in another Lua: numbers, and tables of them, are all that gets there.
sent, answered, began, ended, example = 0, 0, 0, 0, ""
errors = {}

local function now()
  ffi.C.clock_gettime(CLOCK_MONOTONIC, now_)
  return tonumber(now_.seconds) + tonumber(now_.nanoseconds) / 1e9
end

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  rate, dialect = tonumber(arguments[2]), arguments[3]
  for length in function() return file:read("*n", 1) end do
    requests[#requests + 1] = file:read(length)
  end
  file:close()
end

function delay()
  if reserved == #requests then return NEVER_MS end
  if began == 0 then began = now() end
  reserved = reserved + 1
  local due = began + reserved / rate
  return math.max(0, math.floor((due - now()) * 1000 + 0.5))
end

function request()
  -- wrk asks once before it begins, to see how many requests come at a time; that one it does not send. Nor is there
  -- another where a connection broke and took a request with it.
  if not asked or sent == #requests then
    asked = true
    return "GET /healthz HTTP/1.1\r\nhost: load\r\n\r\n"
  end
  sent = sent + 1
  return requests[sent]
end

local function code_of(status, body)
  if status >= 400 then
    local code = CODES[dialect] and body:match(CODES[dialect])
    return status .. (code and " " .. code or "")
  end
  if dialect ~= "tpns" then return nil end
  local code = body:match('"ret_code"%s*:%s*(%-?%d+)')
  if code == "0" then return nil end
  -- One code stands for faults and for too much to do; the words tell which.
  return "ret_code " .. (code or "missing") .. ": " .. (body:match('"err_msg"%s*:%s*"([^"]*)"') or "")
end

function response(status, headers, body)
  local code = code_of(status, body)
  if code then
    errors[code] = (errors[code] or 0) + 1
    example = body
  end
  answered, ended = answered + 1, now()
  if answered == #requests then
    -- wrk sleeps until its time is up, unless somebody wakes it.
    ffi.C.kill(ffi.C.getpid(), SIGINT)
  end
end

local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
end

function done(summary, latency)
  local thread = threads[1]
  local function tell(what, value) print("load\t" .. what .. "\t" .. value) end
  tell("answered", thread:get("answered"))
  tell("seconds", math.max(0, thread:get("ended") - thread:get("began")))
  -- Where an answer took more than twice the usual time between two calls on a connection, wrk has added the calls that
  -- a client in step would have had to wait with it: beyond what can be reached, these are longer than what was measured.
  for _, percent in ipairs({50, 95, 99}) do tell("p" .. percent, latency:percentile(percent) / 1e6) end
  for code, count in pairs(thread:get("errors")) do tell("error " .. code, count) end
  tell("broken", summary.errors.connect + summary.errors.read + summary.errors.write)
  tell("example", (thread:get("example"):gsub("%s+", " ")))
end
