"""The agent pool's Redis scripts: the rules of ``domain/agents/agent.py`` where they must happen at once.

Rule by rule the same names; ``tests/live`` holds both forms against each other, step by step. Every script first ends what is
due at the node it touches, so that nothing depends on somebody looking. Times in ms, written with three decimals.
"""

from __future__ import annotations

from controller.live.scripts import EPOCH_RULE

RULES = (
    """
local P = 'trunkline:'
local t = redis.call('TIME')
local now = t[1] * 1000 + t[2] / 1000
local FIELDS = {'node', 'queues', 'skills', 'state', 'reason', 'since', 'idle', 'lapses', 'holder', 'queue', 'campaign',
  'talking', 'then', 'rebuilt', 'lease', 'last'}
local function ms(at) return string.format('%.3f', at) end

local function find(name)
  local row = redis.call('HMGET', P .. 'agent:' .. name, unpack(FIELDS))
  if not row[1] then return nil end
  local a = {name = name}
  for i, field in ipairs(FIELDS) do a[field] = row[i] end
  a.was = {state = a.state, reason = a.reason, since = a.since, holder = a.holder, queue = a.queue, campaign = a.campaign}
  return a
end

local function tell(a, till, to, to_reason, ending)
  local counter = P .. 'agent-changes:' .. a.node .. ':number'
  -- From the clock, so that numbers go on growing when Redis has lost the counter.
  local number = redis.call('INCR', counter)
  if number == 1 then
    number = math.floor(now)
    redis.call('SET', counter, string.format('%.0f', number))
  end
  local key = P .. 'agent-changes:' .. a.node
  local was = a.was
  redis.call('RPUSH', key, cjson.encode({number, a.name, was.state, was.reason, was.since, till, to, to_reason,
    was.queue, was.campaign, was.holder, was.state == 'reserved' and ending or ''}))
  redis.call('LTRIM', key, -10000, -1)
end

local function queues_of(a) return cjson.decode(a.queues) end

local function unlist(a, queues)
  for _, queue in ipairs(queues) do
    redis.call('ZREM', P .. 'agents-ready:' .. a.node .. ':' .. queue, a.name)
    redis.call('SREM', P .. 'agents-of:' .. a.node .. ':' .. queue, a.name)
  end
end

local function put(a, ending)
  local was = a.was
  if was.state ~= a.state or was.reason ~= a.reason or was.since ~= a.since then
    tell(a, a.since, a.state, a.reason, ending)
  end
  local held = P .. 'agents-held:' .. a.node
  if was.holder ~= a.holder then
    if was.holder ~= '' then redis.call('HDEL', held, was.holder) end
    if a.holder ~= '' then redis.call('HSET', held, a.holder, a.name) end
  end
  local values = {}
  for _, field in ipairs(FIELDS) do
    values[#values + 1] = field
    values[#values + 1] = a[field]
  end
  redis.call('HSET', P .. 'agent:' .. a.name, unpack(values))
  for _, queue in ipairs(queues_of(a)) do
    redis.call('SADD', P .. 'agents-of:' .. a.node .. ':' .. queue, a.name)
    local ready = P .. 'agents-ready:' .. a.node .. ':' .. queue
    if a.state == 'ready' then redis.call('ZADD', ready, a.idle, a.name) else redis.call('ZREM', ready, a.name) end
  end
  local due = P .. 'agents-due:' .. a.node
  if a.lapses ~= '' then redis.call('ZADD', due, a.lapses, a.name) else redis.call('ZREM', due, a.name) end
end

local function remove(a, at)
  tell(a, ms(at), '', '', 'timeout')
  if a.holder ~= '' then redis.call('HDEL', P .. 'agents-held:' .. a.node, a.holder) end
  unlist(a, queues_of(a))
  redis.call('ZREM', P .. 'agents-due:' .. a.node, a.name)
  redis.call('ZREM', P .. 'agents:' .. a.node, a.name)
  redis.call('DEL', P .. 'agent:' .. a.name)
  if redis.call('EXISTS', P .. 'agents:' .. a.node) == 0 then redis.call('SREM', P .. 'agents-nodes', a.node) end
end

local function settled(a, state, reason, at)
  a.state, a.reason, a.since = state, reason, ms(at)
  a.holder, a.queue, a.campaign, a.talking = '', '', '', ''
  a.lapses, a['then'], a.rebuilt = '', '', ''
end
local function idle(a, idle_since, at)
  settled(a, 'ready', '', at)
  a.idle = idle_since
end
local function away(a, reason, at) settled(a, 'away', reason, at) end
local function after_wrap_up(a, at)
  if a['then'] ~= '' then away(a, a['then'], at) else idle(a, ms(at), at) end
end
local function lapse(a)
  local due = tonumber(a.lapses)
  if a.state == 'reserved' then idle(a, a.idle, due)
  elseif a.state == 'talking' then away(a, 'call_lost', due)
  else after_wrap_up(a, due) end
end
local function held_by(a, seizure) return a.holder ~= '' and a.holder == seizure.holder end

-- Nobody holds two agents.
local function has_another(holder, a)
  local name = redis.call('HGET', P .. 'agents-held:' .. a.node, holder)
  return name and name ~= a.name
end

local function settle(node)
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', P .. 'agents-due:' .. node, '-inf', now)) do
    local a = find(name)
    if tonumber(a.lapses) <= tonumber(a.lease) then
      lapse(a)
      put(a, 'timeout')
    end
  end
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', P .. 'agents:' .. node, '-inf', now)) do
    local a = find(name)
    remove(a, tonumber(a.lease))
  end
end
-- The agent after what was due has ended; nil when not logged in.
local function on_duty(name)
  local node = redis.call('HGET', P .. 'agent:' .. name, 'node')
  if not node then return nil end
  settle(node)
  return find(name)
end
local function covers(a, skills)
  if #skills == 0 then return true end
  local has = {}
  for _, skill in ipairs(cjson.decode(a.skills)) do has[skill] = true end
  for _, skill in ipairs(skills) do
    if not has[skill] then return false end
  end
  return true
end
"""
    + EPOCH_RULE
)

ENTER = (
    RULES
    + """
-- ARGV: JSON {agents: [{name, node, queues, skills (both JSON text), state, reason, again}], lease ms}
local asked = cjson.decode(ARGV[1])
local answers = {}
for i, p in ipairs(asked.agents) do
  settle(p.node)
  local a = on_duty(p.name)
  if a and a.node ~= p.node then answers[i] = 0
  else
    if not a then
      a = {name = p.name, node = p.node, state = 'ready', reason = '', since = ms(now), idle = ms(now), lapses = '',
        holder = '', queue = '', campaign = '', talking = '', ['then'] = '', rebuilt = p.again and '1' or '', last = ''}
      if p.state == 'reserved' or p.state == 'talking' then a.state, a.reason = 'away', 'call_lost'
      elseif p.state == 'away' then a.state, a.reason = 'away', p.reason end
      if a.state == 'away' then a.idle = '0' end
      a.was = {state = a.state, reason = a.reason, since = a.since, holder = '', queue = '', campaign = ''}
      redis.call('SADD', P .. 'agents-nodes', p.node)
    elseif a.queues ~= p.queues then unlist(a, queues_of(a)) end
    a.queues, a.skills, a.lease = p.queues, p.skills, ms(now + asked.lease)
    redis.call('ZADD', P .. 'agents:' .. p.node, a.lease, p.name)
    put(a)
    answers[i] = 1
  end
end
return answers
"""
)

LEAVE = (
    RULES
    + """
-- ARGV: agent, node, forced
local a = on_duty(ARGV[1])
if not a or a.node ~= ARGV[2] then return 'not logged in' end
if ARGV[3] == '0' then
  if a.state == 'reserved' then return 'System Busy' end
  if a.state == 'talking' then return 'on a call' end
end
remove(a, now)
return ''
"""
)

READY = (
    RULES
    + """
-- ARGV: agent
local a = on_duty(ARGV[1])
if not a then return 'not logged in' end
if a.state == 'reserved' then return 'System Busy' end
if a.state == 'talking' then a['then'] = ''
elseif a.state ~= 'ready' then idle(a, ms(now), now) end
put(a)
return ''
"""
)

PAUSE = (
    RULES
    + """
-- ARGV: agent, reason
local a = on_duty(ARGV[1])
if not a then return 'not logged in' end
if a.state == 'reserved' then return 'System Busy' end
if a.state == 'talking' then a['then'] = ARGV[2] else away(a, ARGV[2], now) end
put(a)
return ''
"""
)

RESERVE = (
    RULES
    + """
-- ARGV: JSON {requests: [{holder, queue, campaign, node, skills, only}], lease ms, settle ms}
-- Answer per request: {1, agent, holder, queue, campaign, talking} or {0, outcome, retry in ms}
local asked = cjson.decode(ARGV[1])
local unsettled = settling(asked.settle)
local answers = {}
local function longest_idle(r)
  for _, name in ipairs(redis.call('ZRANGE', P .. 'agents-ready:' .. r.node .. ':' .. r.queue, 0, -1)) do
    if not r.only or name == r.only then
      local a = find(name)
      if covers(a, r.skills) then return a end
    end
  end
end
local function logged_in(r)
  for _, name in ipairs(redis.call('SMEMBERS', P .. 'agents-of:' .. r.node .. ':' .. r.queue)) do
    if (not r.only or name == r.only) and covers(find(name), r.skills) then return true end
  end
  return false
end
for i, r in ipairs(asked.requests) do
  settle(r.node)
  local name = redis.call('HGET', P .. 'agents-held:' .. r.node, r.holder)
  if name then
    local a = find(name)
    answers[i] = {1, name, a.holder, a.queue, a.campaign, a.talking}
  elseif unsettled > 0 then answers[i] = {0, 'none', ms(unsettled)}
  else
    local a = longest_idle(r)
    if a then
      a.state, a.reason, a.since, a.lapses, a.rebuilt = 'reserved', '', ms(now), ms(now + asked.lease), ''
      a.holder, a.queue, a.campaign = r.holder, r.queue, r.campaign
      put(a)
      answers[i] = {1, a.name, a.holder, a.queue, a.campaign, ''}
    else answers[i] = {0, logged_in(r) and 'timeout' or 'none', '0'} end
  end
end
return answers
"""
)

RENEW = (
    RULES
    + """
-- ARGV: JSON {seizures: [{agent, holder, queue, campaign, talking}], lease ms}
local asked = cjson.decode(ARGV[1])
local answers = {}
for i, s in ipairs(asked.seizures) do
  local a = on_duty(s.agent)
  answers[i] = 0
  if a and not has_another(s.holder, a) then
    if a.rebuilt ~= '' and a.holder == '' then
      a.state, a.reason, a.since, a.rebuilt = s.talking ~= '' and 'talking' or 'reserved', '', ms(now), ''
      a.holder, a.queue, a.campaign, a.talking = s.holder, s.queue, s.campaign, s.talking
      if s.talking ~= '' then a.last = s.holder end
      answers[i] = 1
    elseif held_by(a, s) then
      if a.state == 'reserved' and s.talking ~= '' then
        a.state, a.since, a.talking, a.last = 'talking', ms(now), '1', s.holder
      end
      answers[i] = 1
    end
    if answers[i] == 1 then
      a.lapses = ms(now + asked.lease)
      put(a, 'talk')
    end
  end
end
return answers
"""
)

CONNECT = (
    RULES
    + """
-- ARGV: JSON {agent, holder}, attempt, lease ms. Answer: {queue, campaign}, or nothing
local s = cjson.decode(ARGV[1])
local a = on_duty(s.agent)
if not a or a.state ~= 'reserved' or not held_by(a, s) or has_another(ARGV[2], a) then return false end
a.state, a.since, a.lapses = 'talking', ms(now), ms(now + tonumber(ARGV[3]))
a.holder, a.talking, a.last = ARGV[2], '1', ARGV[2]
put(a, 'talk')
return {a.queue, a.campaign}
"""
)

RELEASE = (
    RULES
    + """
-- ARGV: JSON {agent, holder}, end
local s = cjson.decode(ARGV[1])
local a = on_duty(s.agent)
if not a or a.state ~= 'reserved' or not held_by(a, s) then return 0 end
if ARGV[2] == 'rona' then away(a, 'rona', now) else idle(a, a.idle, now) end
put(a, ARGV[2])
return 1
"""
)

FINISH = (
    RULES
    + """
-- ARGV: JSON {agent, holder}, wrap-up ms
local s = cjson.decode(ARGV[1])
local a = on_duty(s.agent)
if not a or a.state ~= 'talking' or not held_by(a, s) then return 0 end
local wrap_up = tonumber(ARGV[2])
if wrap_up > 0 then
  local after = a['then']
  settled(a, 'wrap_up', '', now)
  a.lapses, a['then'] = ms(now + wrap_up), after
else after_wrap_up(a, now) end
put(a)
return 1
"""
)

EXTEND = (
    RULES
    + """
-- ARGV: agent, ms
local a = on_duty(ARGV[1])
if not a or a.state ~= 'wrap_up' then return 0 end
a.lapses = ms(tonumber(a.lapses) + tonumber(ARGV[2]))
put(a)
return 1
"""
)

SNAPSHOT = (
    RULES
    + """
-- ARGV: node, or '' for all. Answer: now, then a row of fields for each agent, its name first
local nodes = ARGV[1] ~= '' and {ARGV[1]} or redis.call('SMEMBERS', P .. 'agents-nodes')
local rows = {ms(now)}
for _, node in ipairs(nodes) do
  settle(node)
  for _, name in ipairs(redis.call('ZRANGE', P .. 'agents:' .. node, 0, -1)) do
    local a = find(name)
    local row = {name}
    for _, field in ipairs(FIELDS) do row[#row + 1] = a[field] end
    rows[#rows + 1] = row
  end
end
return rows
"""
)

CHANGES = (
    RULES
    + """
-- ARGV: node, limit
settle(ARGV[1])
return redis.call('LRANGE', P .. 'agent-changes:' .. ARGV[1], 0, tonumber(ARGV[2]) - 1)
"""
)

NOTED = """
-- ARGV: node, number
local key = 'trunkline:agent-changes:' .. ARGV[1]
while true do
  local oldest = redis.call('LINDEX', key, 0)
  if not oldest or cjson.decode(oldest)[1] > tonumber(ARGV[2]) then return 1 end
  redis.call('LPOP', key)
end
"""
