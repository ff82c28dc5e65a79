import { DAY_MS } from '@openrouter-proxy/runtime';
import { script, type Script } from '../connection/script.ts';

/**
 * The start of every script. The time is the first argument, or else that of Redis. Further
 * arguments are read one by one. A number in place of a key is an index into KEYS.
 */
const PRELUDE = `
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local place = 1
local function text() place = place + 1 return ARGV[place] end
local function number() return tonumber(text()) end
local function key() return KEYS[number()] end
local function inForce(slot) return redis.call('ZCOUNT', slot, '(' .. now, '+inf') end
-- A slot is kept for as long as the lease in it that ends last, and a second more.
local function enter(slot, lease, ttl)
  redis.call('ZREMRANGEBYSCORE', slot, '-inf', now)
  redis.call('ZADD', slot, now + ttl, lease)
  if redis.call('PTTL', slot) < ttl + 1000 then redis.call('PEXPIRE', slot, ttl + 1000) end
end
`;

/** Fails on another state than the caller knows, and after the caller's deadline. */
const FENCE = `
if redis.call('GET', KEYS[1]) ~= text() then return redis.error_reply('STATELOST the state was lost') end
local deadline = number()
if deadline and now > deadline then return redis.error_reply('TOOLATE nobody waits for it any more') end
`;

/**
 * Reserves leases. KEYS: epoch, cursor, then slots and windows. ARGV: now, epoch, deadline, requests; of
 * each request lifetime and candidates; of each candidate lease id, slots (key, limit), windows (key,
 * limit, lifetime). A limit of -1 is none. Returns for each request: the candidate taken (0: none), the
 * leases of its first slot, the counts of its windows, and pairs of a candidate and its full window.
 */
export const RESERVE: Script = script(`${PRELUDE}${FENCE}
local answers, last = {}, nil
for request = 1, number() do
  local ttl, taken, inSlot, used, full = number(), 0, 0, {}, {}
  for candidate = 1, number() do
    local lease, slots, windows, hasRoom, spent = text(), {}, {}, taken == 0, 0
    for slot = 1, number() do
      local name, limit = key(), number()
      slots[slot] = name
      hasRoom = hasRoom and (limit < 0 or inForce(name) < limit)
    end
    for window = 1, number() do
      local name, limit, lifetime = key(), number(), number()
      windows[window] = { name, lifetime }
      local isFull = hasRoom and limit >= 0 and tonumber(redis.call('GET', name) or 0) >= limit
      if isFull and spent == 0 then spent = window end
    end
    if hasRoom and spent > 0 then
      full[#full + 1] = candidate
      full[#full + 1] = spent
    elseif hasRoom then
      taken = candidate
      for _, name in ipairs(slots) do enter(name, lease, ttl) end
      for index, window in ipairs(windows) do
        used[index] = redis.call('INCR', window[1])
        if used[index] == 1 then redis.call('PEXPIRE', window[1], window[2]) end
      end
      if slots[1] then
        inSlot = redis.call('ZCARD', slots[1])
        last = slots[1]
      end
    end
  end
  answers[request] = { taken, inSlot, used, full }
end
if last then redis.call('SET', KEYS[2], last, 'PX', ${DAY_MS}) end
return answers`);

/**
 * Ends leases: removes them from their slots, and gives back room in windows if they were in a slot.
 * KEYS: slots, windows, marks. ARGV: now, leases; of each its id, the mark of its release (0: none),
 * slots, windows. Returns for each: whether this is its first release, and the leases of its first slot.
 */
export const LEAVE: Script = script(`${PRELUDE}
local answers = {}
for index = 1, number() do
  local lease, mark, left, first = text(), key(), 0, nil
  local isFirst = not mark or redis.call('SET', mark, 1, 'NX', 'PX', ${DAY_MS})
  for slot = 1, number() do
    local name = key()
    first = first or name
    left = left + redis.call('ZREM', name, lease)
  end
  for window = 1, number() do
    local name = key()
    if left > 0 and tonumber(redis.call('GET', name) or 0) > 0 then redis.call('DECR', name) end
  end
  answers[index] = { isFirst and 1 or 0, first and inForce(first) or 0 }
end
return answers`);

/**
 * Activates leases, except released ones. KEYS: epoch, slots, marks. ARGV: now, epoch, deadline, leases;
 * of each its id, the mark of its release (0: none), lifetime, slots. Returns for each whether it is
 * active.
 */
export const HOLD: Script = script(`${PRELUDE}${FENCE}
local answers = {}
for index = 1, number() do
  local lease, mark, ttl = text(), key(), number()
  local isReleased = mark and redis.call('EXISTS', mark) == 1
  for slot = 1, number() do
    local name = key()
    if not isReleased then enter(name, lease, ttl) end
  end
  answers[index] = isReleased and 0 or 1
end
return answers`);

/** The number of active leases in each of KEYS. ARGV: now. */
export const IN_FORCE: Script = script(`${PRELUDE}
local counts = {}
for index, slot in ipairs(KEYS) do counts[index] = inForce(slot) end
return counts`);

/** The counts of the windows KEYS. */
export const USED: Script = script(`return redis.call('MGET', unpack(KEYS))`);

/**
 * Raises counts of windows to a minimum, and adds to them; only once if a mark is given. KEYS:
 * windows, adjustments, mark. ARGV: now, mark (0: none), windows; of each key, adjustment,
 * lifetime, minimum, added.
 */
export const COUNT: Script = script(`${PRELUDE}
local mark = key()
if mark and not redis.call('SET', mark, 1, 'NX', 'PX', ${DAY_MS}) then return 0 end
for window = 1, number() do
  local name, adjustment, lifetime, least, more = key(), key(), number(), number(), number()
  local used = tonumber(redis.call('GET', name) or 0)
  if least > used then
    redis.call('INCRBY', adjustment, least - used)
    redis.call('PEXPIRE', adjustment, lifetime)
  end
  redis.call('SET', name, math.max(used, least) + more, 'PX', lifetime)
end
return 1`);

/** The leases given in a window, and the active ones. KEYS: window, adjustment, slot. ARGV: now. */
export const SNAPSHOT: Script = script(`${PRELUDE}
local given = tonumber(redis.call('GET', KEYS[1]) or 0) - tonumber(redis.call('GET', KEYS[2]) or 0)
return { given, inForce(KEYS[3]) }`);

/**
 * Sets a count to OpenRouter's figure plus the leases given since. KEYS: window, adjustment. ARGV:
 * now, lifetime, the new adjustment. Returns the count.
 */
export const RECONCILE: Script = script(`${PRELUDE}
local lifetime, adjustment = number(), number()
local given = tonumber(redis.call('GET', KEYS[1]) or 0) - tonumber(redis.call('GET', KEYS[2]) or 0)
local used = math.max(0, given + adjustment)
redis.call('SET', KEYS[1], used, 'PX', lifetime)
redis.call('SET', KEYS[2], adjustment, 'PX', lifetime)
return used`);

/**
 * Moves the count of one window to another. KEYS: from, its adjustment, to. ARGV: now, lifetime.
 * Returns the count of `to`.
 */
export const TRANSFER: Script = script(`${PRELUDE}
local moved = tonumber(redis.call('GET', KEYS[1]) or 0)
redis.call('DEL', KEYS[1], KEYS[2])
if moved > 0 then
  redis.call('INCRBY', KEYS[3], moved)
  redis.call('PEXPIRE', KEYS[3], number())
end
return tonumber(redis.call('GET', KEYS[3]) or 0)`);
