-- Takes from one token bucket, by the server's clock. Best effort: neither fenced nor in the ledger.
--
-- KEYS[1]  bucket         hash: t tokens in millionths, a epoch milliseconds of the last taking
--
-- ARGV[1]  capacity in tokens
-- ARGV[2]  tokens refilled per second, may be a fraction
-- ARGV[3]  cost in tokens; 0 only looks
--
-- Output:
--   {allowed, remaining, retry after}    1 or 0; whole tokens left; milliseconds until the cost is there

local call, format = redis.call, string.format
local SCALE = 1000000

local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local capacity, refill, cost = ARGV[1] * SCALE, ARGV[2] * SCALE / 1000, ARGV[3] * SCALE
local stored = call('HMGET', KEYS[1], 't', 'a')
local tokens = capacity
if stored[1] then
  tokens = math.min(capacity, stored[1] + math.max(0, now - stored[2]) * refill)
end

local allowed, wait = 0, 0
if cost <= tokens then
  allowed = 1
  tokens = tokens - cost
elseif refill > 0 then
  wait = math.ceil((cost - tokens) / refill)
else
  wait = 60000
end
if allowed == 1 and cost > 0 then
  -- COMMIT POINT
  call('HSET', KEYS[1], 't', format('%.0f', tokens), 'a', format('%.0f', now))
  local full = refill > 0 and math.ceil(capacity / refill) or 86400000
  call('PEXPIRE', KEYS[1], format('%.0f', full + 1000))
end
return {allowed, math.floor(tokens / SCALE), wait}
