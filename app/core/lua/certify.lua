-- Opens or closes a partition after recovery: compare-and-set on the epoch, under the server process that was recovered.
--
-- KEYS[1]  meta           hash: replid epoch ns schema state seq appended trimmed
-- KEYS[2]  outbox         stream
--
-- ARGV[1]  epoch expected in meta; empty: the partition must not exist
-- ARGV[2]  replication id of the server whose state was verified
-- ARGV[3]  new epoch
-- ARGV[4]  new sequence
-- ARGV[5]  namespace
-- ARGV[6]  schema of the state
-- ARGV[7]  state: open, or any other word to keep it closed
--
-- Output:
--   {1}             OK, also when the same certificate was set before
--   {-4, epoch}     EPOCH; what meta holds
--   {-5, replid}    FENCED; the server is another process than the one that was verified

local call = redis.call

local meta = call('HMGET', KEYS[1], 'epoch', 'ns', 'replid', 'state')
local replid = string.match(call('INFO', 'replication'), 'master_replid:(%x+)')
if replid ~= ARGV[2] then return {-5, replid} end
if meta[1] == ARGV[3] and meta[1] ~= ARGV[1] and meta[2] == ARGV[5] and meta[3] == replid and meta[4] == ARGV[7] then
  return {1}
end
if (meta[1] or '') ~= ARGV[1] then return {-4, meta[1] or ''} end
local empty = call('XLEN', KEYS[2]) == 0

-- COMMIT POINT
call('HSET', KEYS[1], 'epoch', ARGV[3], 'seq', ARGV[4], 'replid', replid, 'ns', ARGV[5], 'schema', ARGV[6],
  'state', ARGV[7])
if empty then call('HSET', KEYS[1], 'appended', '0', 'trimmed', '0') end
return {1}
