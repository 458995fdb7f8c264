-- Applies one call: checks everything, then moves every counter and appends the event, or moves nothing.
-- The only script that moves counters. Order of the checks: fence, epoch, schema, high-water mark, replay, guards,
-- outbox limit, pins, limits. Redis does not roll back a script, so no call before the commit point writes and no call
-- after the first write can fail.
--
-- KEYS[1]  meta           hash: replid epoch ns schema state seq appended trimmed
-- KEYS[2]  versions       hash: guard name -> catalogue version
-- KEYS[3]  outbox         stream, ids <epoch>-<seq> without a gap
-- KEYS[4]  replay         string: what this rid did, <event id>|<afters>
-- KEYS[5]  idempotency    string: <event id>|<fingerprint>; the replay key again when the call has none
-- KEYS[6..] hashes of the operations, in the order of the plan: of the moves, the others, each once, and of the records;
--          last of all the access version, if the plan compares it
--
-- ARGV[1]  plan           a MessagePack array, see below: one argument costs less than two hundred
-- ARGV[2]  event
-- ARGV[3]  private part of the event, may be empty
-- ARGV[4..] values that operations compare with or write, named by their place in ARGV
--
-- The plan P (a sequence of values, or one array of them when they are too many for a stack):
--   1 mode (V validate, R redeem, H hold or release, B roll back: guards are not looked at), 2 epoch, 3 high-water mark
--   (highest sequence the caller has seen in this epoch), 4 namespace, 5 schema of the state, 6 limit of the outbox in
--   bytes, 7 milliseconds the replay record lives, 8 milliseconds the idempotency record lives, 9 fingerprint,
--   10 access version that must stand ('' for none), nil: not compared, 11 number of guards, then guard names and guard
--   versions. Lifetimes are texts.
--   Then the moves, which are the first operations: their number, per move delta, which is not 0, and cap; number of
--   hashes, and per hash the number of its fields and the fields, a counter as its field followed by <field>~h, in the
--   order of the moves. Such a counter has no floor, no window and base 0, and nothing else is asked of its hash.
--   Then the other hashes: their number; per key (the read plan) a number of fields and the fields; whether there is a
--   release; number of the other operations; operations, `slot` being the place of a field in the whole read plan:
--     A slot delta base cap floor until | H slot amount base cap floor | R slot amount | E slot value
--     N slot | C slot value | D deadline
--   cap and floor nil: none; until epoch seconds, 0: none; deadline epoch milliseconds. Then the records that must stand,
--   which are numbered as the last operations: their number, and per record its field and what it begins with. Last the
--   fields to be written:
--   number of hashes; per hash its place among the other hashes, milliseconds it lives ('': no change), number of
--   fields, and per field its name and value (an empty value takes it away).
--
-- Output:
--   {1, event id, afters}                 OK; afters: comma-separated, per A the value, per H and R what is held
--   {1, '', '', currents}                 OK of mode V; currents: value,held per operation but records
--   {2, event id, afters, origin}         DUP; origin: replay or idempotency
--   {-1, event id}                        CONFLICT
--   {-2, operation, name, currents}       LIMIT; operation counts from 0; name: what a claimed field holds
--   {-3, operation, name}                 STALE; operation -1: the guard `name`, or `access`
--   {-4} EPOCH  {-5} FENCED  {-6} REGRESSED  {-7} BUSY  {-8} SCHEMA

local call, find, sub, format, unpack = redis.call, string.find, string.sub, string.format, unpack
local INTEGER_LIMIT = 9007199254740992
local ENTRY_OVERHEAD = 48
local WINDOW_GRACE_MS = 172800000
-- %d costs half of %.0f, and is exact where an integer of C is wide enough.
local INTEGER = format('%d', INTEGER_LIMIT - 1) == '9007199254740991' and '%d' or '%.0f'

local P = {cmsgpack.unpack(ARGV[1])}
if not P[2] then P = P[1] end
local mode = P[1]
local writes = mode ~= 'V'

local meta = call('HMGET', KEYS[1], 'replid', 'epoch', 'ns', 'schema', 'state', 'seq', 'appended', 'trimmed')
local certificate = meta[1]
if not certificate or #certificate ~= 40
  or not find(call('INFO', 'replication'), 'master_replid:' .. certificate, 1, true) then
  return {-5}
end
if meta[2] ~= P[2] or meta[3] ~= P[4] or meta[5] ~= 'open' then return {-4} end
if meta[4] ~= P[5] then return {-8} end
local sequence = meta[6] + 0
if sequence < P[3] then return {-6} end

-- What is no text reads as nothing here, but every key of these is written as one alone.
local access, kept = P[10], call('MGET', KEYS[4], KEYS[5], KEYS[#KEYS])
if access and (kept[3] or '') ~= access then return {-3, -1, 'access'} end

if writes then
  local applied, record = kept[1], kept[2]
  if applied then
    local bar = find(applied, '|', 1, true)
    return {2, sub(applied, 1, bar - 1), sub(applied, bar + 1), 'replay'}
  end
  if record and KEYS[5] ~= KEYS[4] then
    local bar = find(record, '|', 1, true)
    local event_id = sub(record, 1, bar - 1)
    if sub(record, bar + 1) ~= P[9] then return {-1, event_id} end
    return {2, event_id, '', 'idempotency'}
  end
end

local guards, at = P[11], 12
local raised
if guards > 0 and mode ~= 'B' then
  local stored = call('HMGET', KEYS[2], unpack(P, at, at + guards - 1))
  for i = 0, guards - 1 do
    local version, carried = tonumber(stored[i + 1] or nil), P[at + guards + i]
    if version ~= carried then
      if version and carried < version then return {-3, -1, P[at + i]} end
      raised = raised or {}
      raised[#raised + 1] = P[at + i]
      raised[#raised + 1] = format(INTEGER, carried)
    end
  end
end
at = at + 2 * guards

local appended = (meta[7] or 0) + 0
if writes and appended - (meta[8] or 0) >= P[6] then return {-7} end

-- Every hash is read, or at least touched, here: a key of the wrong type fails before anything is written.
local limited, limited_name, afters = nil, '', {}
-- What is read of a moved hash becomes what will be written to it: nearly all that most calls do.
local move, moved, moves = at + 1, {}, 0
at = move + 2 * P[at]
local moved_hashes, moves_at = P[at], at + 1
at = moves_at
for k = 1, moved_hashes do
  local count = P[at]
  local found = call('HMGET', KEYS[5 + k], unpack(P, at + 1, at + count))
  for j = 1, count, 2 do
    local delta, cap, held, refused = P[move], P[move + 1], found[j + 1] or 0, false
    local after = (found[j] or 0) + delta
    if delta > 0 then
      refused = after >= INTEGER_LIMIT or (cap and after + held > cap)
    else
      refused = after <= -INTEGER_LIMIT
    end
    if refused and not limited then limited = moves end
    moves = moves + 1
    local text = format(INTEGER, after)
    afters[moves] = text
    found[j], found[j + 1] = P[at + j], text
    move = move + 2
  end
  moved[k], at = found, at + count + 1
end

local hashes, plan = P[at], at + 1
local values, slots = {}, 0
at = plan
for k = 6 + moved_hashes, 5 + moved_hashes + hashes do
  local count = P[at]
  if count == 0 then
    call('HLEN', KEYS[k])
  else
    local found = call('HMGET', KEYS[k], unpack(P, at + 1, at + count))
    for j = 1, count do values[slots + j] = found[j] end
    slots = slots + count
  end
  at = at + count + 1
end

local now
local function now_ms()
  if not now then
    local time = call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return now
end

local has_release, operations, first = P[at], P[at + 1], at + 2
local fresh, expiry, released, holding = {}, {}, {}, {}
-- A table is made where it is needed: most calls release nothing and are not refused.
local function widths() return {A = 7, H = 6, R = 3, E = 3, N = 2, C = 3, D = 2} end
if has_release then
  local width = widths()
  at = first
  for i = 1, operations do
    local kind, slot = P[at], P[at + 1]
    if kind == 'R' then
      if released[slot] then return redis.error_reply('ERR field released twice in one call') end
      released[slot] = P[at + 2]
      if tonumber(values[slot + 1] or '0') < released[slot] then return {-3, moves + i - 1, ''} end
    elseif kind == 'H' then
      holding[slot] = P[at + 2]
    end
    at = at + width[kind]
  end
end

local taken = {}
at = first
for i = moves, moves + operations - 1 do
  local kind, slot, refused = P[at], P[at + 1], false
  if kind == 'A' then
    if taken[slot] then return redis.error_reply('ERR field moved twice in one call') end
    taken[slot] = true
    local delta, cap, floor, ends = P[at + 2], P[at + 4], P[at + 5], P[at + 6]
    local held = (values[slot + 1] or 0) - (released[slot] or 0)
    if ends ~= 0 then
      ends = ends * 1000
      if delta < 0 and ends <= now_ms() then delta = 0 end
      if not values[slot] then expiry[slot] = ends end
    end
    local after = (values[slot] or P[at + 3]) + delta
    if delta > 0 then
      refused = after >= INTEGER_LIMIT or (cap and held + after > cap)
    elseif delta < 0 then
      refused = after <= -INTEGER_LIMIT or (floor and after - held < floor)
    end
    local text = format(INTEGER, after)
    if delta ~= 0 then fresh[slot] = text end
    afters[#afters + 1] = text
    at = at + 7
  elseif kind == 'H' then
    if taken[slot] then return redis.error_reply('ERR field moved twice in one call') end
    taken[slot] = true
    local amount, cap, floor = P[at + 2], P[at + 4], P[at + 5]
    local current = (values[slot] or P[at + 3]) + 0
    local after = (values[slot + 1] or 0) - (released[slot] or 0) + amount
    refused = after >= INTEGER_LIMIT or (cap and current + after > cap)
      or (floor and current - after < floor)
    local text = format(INTEGER, after)
    fresh[slot + 1] = text
    afters[#afters + 1] = text
    at = at + 6
  elseif kind == 'R' then
    local held = (values[slot + 1] or 0) - released[slot]
    local text = format(INTEGER, held + (holding[slot] or 0))
    fresh[slot + 1] = text
    afters[#afters + 1] = text
    at = at + 3
  elseif kind == 'E' then
    if values[slot] ~= ARGV[P[at + 2]] then return {-3, i, ''} end
    at = at + 3
  elseif kind == 'N' then
    if values[slot] then return {-3, i, ''} end
    at = at + 2
  elseif kind == 'C' then
    local owner, claimed = fresh[slot] or values[slot], ARGV[P[at + 2]]
    if not owner then
      fresh[slot] = claimed
    elseif owner ~= claimed then
      refused = true
      if not limited then limited_name = owner end
    end
    at = at + 3
  elseif kind == 'D' then
    if now_ms() < P[at + 1] then return {-3, i, ''} end
    at = at + 2
  end
  if refused and not limited then limited = i end
end

local records_at, records = at, P[at]
for i = 1, records do
  local record = call('HGET', KEYS[5 + moved_hashes + hashes + i], P[at + 1])
  local prefix = P[at + 2]
  if not record or sub(record, 1, #prefix) ~= prefix then return {-3, moves + operations + i - 1, ''} end
  at = at + 2
end

if limited or not writes then
  local width = widths()
  -- Nothing was written: what the moves found is read again, for the few calls that are told.
  local currents = {}
  at = moves_at
  for k = 1, moved_hashes do
    local count = P[at]
    local found = call('HMGET', KEYS[5 + k], unpack(P, at + 1, at + count))
    for j = 1, count do currents[#currents + 1] = format(INTEGER, found[j] or 0) end
    at = at + count + 1
  end
  at = first
  while at < records_at do
    local kind, slot = P[at], P[at + 1]
    local current, held = 0, 0
    if kind == 'A' or kind == 'H' or kind == 'R' then
      current = values[slot] or (kind == 'R' and 0) or P[at + 3]
      held = (values[slot + 1] or 0) - (released[slot] or 0)
    end
    currents[#currents + 1] = format(INTEGER, current)
    currents[#currents + 1] = format(INTEGER, held)
    at = at + width[kind]
  end
  if limited then return {-2, limited, limited_name, table.concat(currents, ',')} end
  return {1, '', '', table.concat(currents, ',')}
end

local after_values = table.concat(afters, ',')
local event, private = ARGV[2], ARGV[3]
local next_sequence = format(INTEGER, sequence + 1)
local event_id = meta[2] .. '-' .. next_sequence
local total = format(INTEGER, appended + #event + #private + #after_values + ENTRY_OVERHEAD)

-- COMMIT POINT: the server can refuse only this first write (out of memory, id not above the last); nothing below fails.
if private == '' then
  call('XADD', KEYS[3], event_id, 'e', event, 'x', after_values, 'n', total)
else
  call('XADD', KEYS[3], event_id, 'e', event, 'b', private, 'x', after_values, 'n', total)
end
call('HSET', KEYS[1], 'seq', next_sequence, 'appended', total)
for k = 1, moved_hashes do call('HSET', KEYS[5 + k], unpack(moved[k])) end

local write_at = at + 1
at = plan
local slot = 0
for k = 6 + moved_hashes, 5 + moved_hashes + hashes do
  local key, count = KEYS[k], P[at]
  local pairs_to_set, ends
  for j = 1, count do
    slot = slot + 1
    local value = fresh[slot]
    if value then
      -- What is held by nobody leaves no field behind, so that a rebuilt counter is equal to a used one.
      if value == '0' and sub(P[at + j], -2) == '~h' then
        call('HDEL', key, P[at + j])
      else
        pairs_to_set = pairs_to_set or {}
        pairs_to_set[#pairs_to_set + 1] = P[at + j]
        pairs_to_set[#pairs_to_set + 1] = value
        ends = expiry[slot] or ends
      end
    end
  end
  if pairs_to_set then
    call('HSET', key, unpack(pairs_to_set))
    if ends then call('PEXPIREAT', key, format('%.0f', math.max(ends, now_ms()) + WINDOW_GRACE_MS)) end
  end
  at = at + count + 1
end

at = write_at + 1
for _ = 1, P[write_at] do
  local key = KEYS[5 + moved_hashes + P[at]]
  local lives, last = P[at + 1], at + 2 + 2 * P[at + 2]
  local emptied = false
  for i = at + 3, last, 2 do
    local value = ARGV[P[i + 1]]
    P[i + 1] = value
    emptied = emptied or value == ''
  end
  local pairs_to_set = P
  local from, to = at + 3, last
  if emptied then
    pairs_to_set = {}
    for i = at + 3, last, 2 do
      if P[i + 1] == '' then
        call('HDEL', key, P[i])
      else
        pairs_to_set[#pairs_to_set + 1] = P[i]
        pairs_to_set[#pairs_to_set + 1] = P[i + 1]
      end
    end
    from, to = 1, #pairs_to_set
  end
  if from <= to then
    call('HSET', key, unpack(pairs_to_set, from, to))
    if lives ~= '' then call('PEXPIRE', key, lives) end
  end
  at = last + 1
end

if raised then call('HSET', KEYS[2], unpack(raised)) end
call('SET', KEYS[4], event_id .. '|' .. after_values, 'PX', P[7])
if KEYS[5] ~= KEYS[4] then call('SET', KEYS[5], event_id .. '|' .. P[9], 'PX', P[8]) end
return {1, event_id, after_values}
