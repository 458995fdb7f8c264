-- Publishes catalogue versions and records: what is stored only ever grows in version (D5).
--
-- KEYS[1]  meta           hash: replid epoch ns schema state
-- KEYS[2]  versions       hash: guard name -> catalogue version
-- KEYS[3..] record buckets, each once
--
-- ARGV[1]  mode           P: the partition must be open under this epoch and namespace; F: recovery fills a namespace
-- ARGV[2]  epoch
-- ARGV[3]  namespace
-- ARGV[4]  schema of the state
-- ARGV[5]  milliseconds a record bucket lives
-- ARGV[6]  number of guards
-- ARGV[7..] guard name, version each; then per record bucket number (from 1), field, version, value; version 0: always
--
-- Output:
--   {1, written}    OK; records that were newer than what was stored
--   {-4} EPOCH  {-5} FENCED  {-8} SCHEMA

local call, find = redis.call, string.find

if ARGV[1] ~= 'F' then
  local meta = call('HMGET', KEYS[1], 'replid', 'epoch', 'ns', 'schema', 'state')
  if not meta[1] or #meta[1] ~= 40
    or not find(call('INFO', 'replication'), 'master_replid:' .. meta[1], 1, true) then
    return {-5}
  end
  if meta[2] ~= ARGV[2] or meta[3] ~= ARGV[3] or meta[5] ~= 'open' then return {-4} end
  if meta[4] ~= ARGV[4] then return {-8} end
end

local guards, at = tonumber(ARGV[6]), 7
local raised, newer = {}, {}
for i = 1, guards do
  local stored = call('HGET', KEYS[2], ARGV[at])
  if not stored or tonumber(ARGV[at + 1]) > tonumber(stored) then
    raised[#raised + 1] = ARGV[at]
    raised[#raised + 1] = ARGV[at + 1]
  end
  at = at + 2
end
while at <= #ARGV do
  local stored = call('HGET', KEYS[2 + tonumber(ARGV[at])], ARGV[at + 1])
  local version = ARGV[at + 2]
  local stored_version = stored and version ~= '0' and string.match(stored, '^(%d+):')
  if not stored_version or tonumber(version) > tonumber(stored_version) then newer[#newer + 1] = at end
  at = at + 4
end

-- COMMIT POINT: every key was read above; the server can refuse only the first write (out of memory).
for i = 1, #raised, 2 do call('HSET', KEYS[2], raised[i], raised[i + 1]) end
for i = 1, #newer do
  local key = KEYS[2 + tonumber(ARGV[newer[i]])]
  call('HSET', key, ARGV[newer[i] + 1], ARGV[newer[i] + 3])
  call('PEXPIRE', key, ARGV[5])
end
return {1, #newer}
