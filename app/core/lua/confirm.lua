-- Says whether this server has an event, and writes once after it: replicas that have the write have the event too.
--
-- KEYS[1]  meta           hash: replid epoch seq
--
-- ARGV[1]  epoch of the event
-- ARGV[2]  its sequence
--
-- Output:
--   {1}     OK
--   {-4}    EPOCH; a recovery has ended the event's epoch
--   {-5}    FENCED; the server is another process than the one that took the event
--   {-6}    REGRESSED; the server does not have the event

local call = redis.call

local meta = call('HMGET', KEYS[1], 'replid', 'epoch', 'seq')
local certificate = meta[1]
if not certificate or not string.find(call('INFO', 'replication'), 'master_replid:' .. certificate, 1, true) then
  return {-5}
end
if meta[2] ~= ARGV[1] then return {-4} end
if tonumber(meta[3]) < tonumber(ARGV[2]) then return {-6} end

-- COMMIT POINT
call('HSET', KEYS[1], 'confirmed', ARGV[1] .. '-' .. ARGV[2])
return {1}
