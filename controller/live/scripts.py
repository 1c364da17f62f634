"""The Redis scripts: what must happen at once happens inside Redis. Requests travel as one JSON argument.

The launch arithmetic is that of ``domain/carriers/launch_rate.py``; see there for why.
"""

from __future__ import annotations

_COMMON = """
local P = 'trunkline:'
local t = redis.call('TIME')
local now = t[1] * 1000 + t[2] / 1000
local function used(key)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  return redis.call('ZCARD', key)
end
local function whole(rate)
  if rate >= 1 then return math.floor(rate), 1000 end
  return 1, 1000 / rate
end
local function next_launch(key, rate, margin, earliest)
  local calls, span = whole(rate)
  local at = earliest
  local newest = redis.call('LINDEX', key, 0)
  if newest then at = math.max(at, tonumber(newest) + 0.5 * span / calls) end
  local oldest = redis.call('LINDEX', key, calls - 1)
  if oldest then at = math.max(at, tonumber(oldest) + span + margin) end
  return at
end
local function note_launch(key, rate, name)
  local calls, span = whole(rate)
  redis.call('LPUSH', key, name)
  redis.call('LTRIM', key, 0, calls)
  redis.call('PEXPIRE', key, math.max(60000, math.ceil(2 * span)))
end
"""

EPOCH_RULE = """
-- Which life of the live state this is. After Redis was restarted (its last second may be lost) or emptied, slots of living
-- calls may be missing: nothing is granted until every controller has had time to re-enter its own.
local function settling(settle)
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  local known = redis.call('HMGET', P .. 'epoch', 'run', 'settled_at')
  if known[1] == run then return tonumber(known[2]) - now end
  redis.call('HSET', P .. 'epoch', 'run', run, 'settled_at', string.format('%.3f', now + settle))
  return settle
end
"""

EPOCH = (
    _COMMON
    + EPOCH_RULE
    + """
-- ARGV: settle ms. The name of this life.
settling(tonumber(ARGV[1]))
return redis.call('HGET', P .. 'epoch', 'run') .. redis.call('HGET', P .. 'epoch', 'settled_at')
"""
)

RESERVE = (
    _COMMON
    + EPOCH_RULE
    + """
-- ARGV: JSON {requests, lease ms, horizon ms, margin ms, lead ms, settle ms}
-- Answer: now in ms, then per request {1, carrier, caller id, troubled, launch's name} or {0, limit, retry in ms}. A launch's
-- name is its time in ms.
local asked = cjson.decode(ARGV[1])
local lease_end = now + asked.lease
local answers = {string.format('%.3f', now)}
local unsettled = settling(asked.settle)
if unsettled > 0 then
  for i = 1, #asked.requests do answers[i + 1] = {0, 'settling', string.format('%.3f', unsettled)} end
  return answers
end
for i, r in ipairs(asked.requests) do
  local no, wait = nil, 0
  local phone = P .. 'phone:' .. r.phone
  local seats = P .. 'seats:' .. r.campaign
  local fleet = r.bot and (P .. 'fleet:' .. r.bot)
  local rate = P .. 'rate:' .. r.campaign
  local earliest = now + asked.lead
  if redis.call('EXISTS', phone) == 1 then no = 'number_busy'
  elseif used(seats) >= r.seats then no = 'seats'
  elseif fleet and used(fleet) >= r.capacity then no = 'fleet'
  elseif r.rate then
    earliest = next_launch(rate, r.rate, asked.margin, earliest)
    if earliest - now > asked.horizon then no, wait = 'dialling_rate', earliest - now - asked.horizon end
  end
  local chosen, at, caller, troubled = nil, 0, nil, 0
  if not no then
    for _, c in ipairs(r.carriers) do
      local health = redis.call('HMGET', P .. 'carrier:' .. c.name, 'factor', 'rest_until')
      local factor = tonumber(health[1] or '1')
      local rest = tonumber(health[2] or '0')
      local why, later = nil, 0
      if rest > now then why, later = 'carrier_down', rest - now
      elseif used(P .. 'channels:' .. c.name) >= c.channels then why = 'carrier_channels'
      else
        local cps = c.cps * factor
        at = next_launch(P .. 'launch:' .. c.name, cps, asked.margin, earliest)
        if at - now > asked.horizon then why, later = 'carrier_cps', at - now - asked.horizon
        else
          local turn_key = P .. 'turn:' .. r.campaign .. ':' .. c.name
          local turn = redis.call('INCR', turn_key)
          if turn == 1 then redis.call('PEXPIRE', turn_key, 86400000) end
          chosen, caller = c, c.numbers[(turn - 1) % #c.numbers + 1]
          if factor < 1 then troubled = 1 end
          note_launch(P .. 'launch:' .. c.name, cps, string.format('%.3f', at))
          break
        end
      end
      -- the first carrier's reason stands: the others are only for failover
      if not no then no, wait = why, later end
    end
    if not chosen and not no then no = 'carrier_down' end
  end
  if chosen then
    local name = string.format('%.3f', at)
    if r.rate then note_launch(rate, r.rate, name) end
    redis.call('SET', phone, r.id, 'PX', asked.lease)
    redis.call('ZADD', seats, lease_end, r.id)
    if fleet then redis.call('ZADD', fleet, lease_end, r.id) end
    redis.call('ZADD', P .. 'channels:' .. chosen.name, lease_end, r.id)
    answers[i + 1] = {1, chosen.name, caller, troubled, name}
  else
    answers[i + 1] = {0, no, string.format('%.3f', wait)}
  end
end
return answers
"""
)

RELAUNCH = (
    _COMMON
    + """
-- ARGV: carrier, its cps, campaign, its rate or '', the missed launch's name, margin ms, lead ms
-- Answer: {now in ms, launch's name}. The missed launch did not happen and counts no longer.
local factor = tonumber(redis.call('HGET', P .. 'carrier:' .. ARGV[1], 'factor') or '1')
local launches, cps = P .. 'launch:' .. ARGV[1], tonumber(ARGV[2]) * factor
local rates, rate, margin = P .. 'rate:' .. ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[6])
redis.call('LREM', launches, 1, ARGV[5])
local at = now + tonumber(ARGV[7])
if rate then
  redis.call('LREM', rates, 1, ARGV[5])
  at = next_launch(rates, rate, margin, at)
end
at = next_launch(launches, cps, margin, at)
local name = string.format('%.3f', at)
note_launch(launches, cps, name)
if rate then note_launch(rates, rate, name) end
return {string.format('%.3f', now), name}
"""
)

RELEASE = """
-- ARGV: JSON list of {id, campaign, phone, bot, carrier}
local P = 'trunkline:'
for _, u in ipairs(cjson.decode(ARGV[1])) do
  redis.call('ZREM', P .. 'seats:' .. u.campaign, u.id)
  if u.bot then redis.call('ZREM', P .. 'fleet:' .. u.bot, u.id) end
  redis.call('ZREM', P .. 'channels:' .. u.carrier, u.id)
  local phone = P .. 'phone:' .. u.phone
  if redis.call('GET', phone) == u.id then redis.call('DEL', phone) end
end
return 1
"""

RENEW = (
    _COMMON
    + """
-- ARGV: JSON {uses, lease ms}. A living call's slots are re-entered even when Redis lost them; a number lock that somebody
-- else took meanwhile is left alone (the database refuses the second live attempt anyhow).
local asked = cjson.decode(ARGV[1])
local lease_end = now + asked.lease
for _, u in ipairs(asked.uses) do
  redis.call('ZADD', P .. 'seats:' .. u.campaign, lease_end, u.id)
  if u.bot then redis.call('ZADD', P .. 'fleet:' .. u.bot, lease_end, u.id) end
  redis.call('ZADD', P .. 'channels:' .. u.carrier, lease_end, u.id)
  local phone = P .. 'phone:' .. u.phone
  local holder = redis.call('GET', phone)
  if not holder or holder == u.id then redis.call('SET', phone, u.id, 'PX', asked.lease) end
end
return 1
"""
)

IN_USE = (
    _COMMON
    + """
-- ARGV: keys. How many leases each holds now.
local counts = {}
for i, key in ipairs(ARGV) do counts[i] = used(key) end
return counts
"""
)

CARRIER_FAULT = (
    _COMMON
    + """
-- ARGV: carrier, faults in a row before a rest, first rest ms, longest rest ms, lowest factor
local key = P .. 'carrier:' .. ARGV[1]
local streak = redis.call('HINCRBY', key, 'streak', 1)
local factor = tonumber(redis.call('HGET', key, 'factor') or '1')
redis.call('HSET', key, 'factor', math.max(tonumber(ARGV[5]), factor / 2))
local over = streak - tonumber(ARGV[2])
if over >= 0 then
  local rest = math.min(tonumber(ARGV[3]) * 2 ^ math.min(over, 12), tonumber(ARGV[4]))
  redis.call('HSET', key, 'rest_until', string.format('%.0f', now + rest))
end
redis.call('PEXPIRE', key, 600000)
return streak
"""
)

CARRIER_OK = """
-- ARGV: carrier, step. The rate recovers by a step with each call that the carrier takes.
local key = 'trunkline:carrier:' .. ARGV[1]
if redis.call('EXISTS', key) == 0 then return 0 end
local factor = tonumber(redis.call('HGET', key, 'factor') or '1') + tonumber(ARGV[2])
if factor >= 1 then redis.call('DEL', key) return 0 end
redis.call('HSET', key, 'factor', factor, 'streak', 0)
redis.call('HDEL', key, 'rest_until')
redis.call('PEXPIRE', key, 600000)
return 1
"""
