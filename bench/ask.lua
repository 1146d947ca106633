-- For wrk: sends one operation with variables drawn from a list, and looks into every answer. Environment: OPERATION and
-- VARIABLES are files (JSON, a line each), TOKEN is sent where it is set, SEED makes the draw repeatable.
-- With ONCE each line is sent once, in order.
local function read(name)
  local file = assert(io.open(os.getenv(name)))
  local text = file:read("*a")
  file:close()
  return text
end

local document = read("OPERATION"):gsub('"', '\\"')
local requests = {}
wrong = 0 -- Of each thread; `done` reads it.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json"
if os.getenv("TOKEN") then wrk.headers["Authorization"] = "Bearer " .. os.getenv("TOKEN") end

function init()
  math.randomseed(tonumber(os.getenv("SEED") or "1"))
  for variables in read("VARIABLES"):gmatch("[^\n]+") do
    requests[#requests + 1] = wrk.format(nil, nil, nil, '{"query":"' .. document .. '","variables":' .. variables .. "}")
  end
end

local sent, once = 0, os.getenv("ONCE")
function request()
  sent = sent + 1
  if once then return assert(requests[sent], "the list is at its end: shorten the run") end
  return requests[math.random(#requests)]
end

-- Errors are told before or after the data, so the whole of it is searched.
function response(status, _, body)
  if status ~= 200 or body:find('"errors"', 1, true) or body:find('"userErrors":[{', 1, true) then
    if wrong == 0 then io.stderr:write(status, " ", body:sub(1, 300), "\n") end
    wrong = wrong + 1
  end
end

local threads = {}
function setup(thread) threads[#threads + 1] = thread end

function done(summary, latency)
  local errors = summary.errors
  local lost = errors.connect + errors.read + errors.write + errors.timeout
  for _, thread in ipairs(threads) do lost = lost + (thread:get("wrong")) end
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), summary.bytes, lost))
end
