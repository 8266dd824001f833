-- wrk: sends the requests of a file, one a line: METHOD, path, token ("-" = none), body, parted by tabs.
--   BENCH_REQUESTS  the file
--   BENCH_ONCE      1 = each line once (writes that cannot be repeated), the threads sharing them out; else at random
-- The last line of its output is for bench/tools.py: requests, microseconds, bytes, not 200, socket errors, p50 and p99 in us.
local made = 0

function setup(thread)
    thread:set("number", made)
    made = made + 1
    thread:set("threads", tonumber(os.getenv("BENCH_THREADS")))
end

function init()
    requests, at = {}, 0
    local line_number = 0
    for line in io.lines(os.getenv("BENCH_REQUESTS")) do
        local method, path, token, body = line:match("^(.-)\t(.-)\t(.-)\t(.*)$")
        local headers = {["Content-Type"] = "application/json"}
        if token ~= "-" then headers["Authorization"] = "Bearer " .. token end
        if line_number % threads == number then requests[#requests + 1] = wrk.format(method, path, headers, body) end
        line_number = line_number + 1
    end
    once = os.getenv("BENCH_ONCE") == "1"
    math.randomseed(number + 1)
end

function request()
    if not once then return requests[math.random(#requests)] end
    at = at + 1
    return requests[at] or requests[#requests]
end

function done(summary, latency, _)
    local e = summary.errors
    print(string.format("BENCH %d %d %d %d %d %d %d", summary.requests, summary.duration, summary.bytes, e.status,
                        e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99)))
end
