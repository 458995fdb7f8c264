-- Drops what is ledgered from the outbox and frees its bytes. Sending it again changes nothing.
--
-- KEYS[1]  meta           hash: appended trimmed
-- KEYS[2]  outbox         stream
--
-- ARGV[1]  last event id that is committed in SQL
-- ARGV[2]  the id after it: the lowest that stays
--
-- Output:
--   {1, removed}    OK; entries removed

local call = redis.call

local last = call('XREVRANGE', KEYS[2], ARGV[1], '-', 'COUNT', 1)[1]
if not last then return {1, 0} end
local total
for i = 1, #last[2], 2 do
  -- Each entry carries the bytes appended up to it, so that freeing needs no reading of what is dropped.
  if last[2][i] == 'n' then total = last[2][i + 1] end
end
local trimmed = call('HGET', KEYS[1], 'trimmed')

-- COMMIT POINT
local removed = call('XTRIM', KEYS[2], 'MINID', ARGV[2])
if total and tonumber(total) > tonumber(trimmed or '0') then call('HSET', KEYS[1], 'trimmed', total) end
return {1, removed}
