-- Notes failed lookups of one identity; when its budget is spent, it is blocked, each time twice as long. Best effort:
-- neither fenced nor in the ledger.
--
-- KEYS[1]  budget         hash: t tokens in millionths, a epoch milliseconds of the last failure, s blocks so far
-- KEYS[2]  block          string with an expiry: there while the identity is blocked
-- KEYS[3]  alarm          string: while it is there, every failure costs more
--
-- ARGV[1]  budget in failures
-- ARGV[2]  failures forgiven per second, may be a fraction
-- ARGV[3]  failures to note
-- ARGV[4]  how many each counts for while the alarm is there
-- ARGV[5]  milliseconds of the first block
-- ARGV[6]  milliseconds of the longest block
-- ARGV[7]  milliseconds after which an identity that stays away is forgotten
--
-- Output:
--   {blocked, remaining, blocks}    milliseconds, 0 when it is not blocked now; whole failures left; blocks so far

local call, format = redis.call, string.format
local SCALE = 1000000

local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local capacity, refill, failures = ARGV[1] * SCALE, ARGV[2] * SCALE / 1000, tonumber(ARGV[3])
if call('GET', KEYS[3]) then failures = failures * ARGV[4] end
local stored = call('HMGET', KEYS[1], 't', 'a', 's')
local tokens, blocks = capacity, tonumber(stored[3] or '0')
if stored[1] then
  tokens = math.min(capacity, stored[1] + math.max(0, now - stored[2]) * refill)
end
tokens = tokens - failures * SCALE
local spent = tokens < 0

if spent then tokens = 0 end

-- What was under way when the block began is not punished twice.
local blocked = 0
if spent and not call('GET', KEYS[2]) then
  blocks = blocks + 1
  blocked = math.min(tonumber(ARGV[6]), ARGV[5] * 2 ^ math.min(blocks - 1, 30))
end
-- COMMIT POINT
call('HSET', KEYS[1], 't', format('%.0f', tokens), 'a', format('%.0f', now), 's', format('%d', blocks))
call('PEXPIRE', KEYS[1], ARGV[7])
if blocked > 0 then call('SET', KEYS[2], '1', 'PX', format('%d', blocked)) end
return {blocked, math.floor(tokens / SCALE), blocks}
