import { DAY_MS, MINUTE_MS } from '@openrouter-proxy/runtime';
import { script, type Script } from './script.ts';

/** State that nobody has used for this long expires. */
const KEPT_MS = 90 * DAY_MS;
/** A machine that was not seen for this long is removed. */
const MACHINE_GONE_MS = 10 * MINUTE_MS;

const PRELUDE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/**
 * Writes a cell: the state of one thing, with its version and the time of its write. KEYS: epoch,
 * cells, changes, revision. ARGV: epoch, name, base version, text, channel, machine. A write on
 * another base than the current version changes nothing. Returns the current version, the text, and
 * whether it was written.
 */
export const WRITE: Script = script(`${PRELUDE}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('STATELOST the state was lost') end
local name, text = ARGV[2], ARGV[4]
local packed = redis.call('HGET', KEYS[2], name)
local cell = packed and cmsgpack.unpack(packed) or { 0, 0, '' }
if cell[1] ~= tonumber(ARGV[3]) then return { cell[1], cell[3], 0 } end
local version = redis.call('INCR', KEYS[4])
redis.call('HSET', KEYS[2], name, cmsgpack.pack({ version, now, text }))
redis.call('ZADD', KEYS[3], version, name)
for place = 1, 4 do redis.call('PEXPIRE', KEYS[place], ${KEPT_MS}) end
redis.call('PUBLISH', ARGV[5], ARGV[6])
return { version, text, 1 }`);

/**
 * Notes that a machine is running, and returns what has changed. KEYS: epoch, cells, changes, revision,
 * machines, cursor. ARGV: a new epoch, used if there is none; machine, its name, the last version that
 * it has read, the most changes. If the state has lost writes, its versions are lower than that one:
 * then all cells are returned. Returns the time in microseconds, the epoch, the cursor, the version
 * after which the changes begin, the machines as (id, name, last seen), and the changes as (name,
 * version, written at, text).
 */
export const HEARTBEAT: Script = script(`${PRELUDE}
local epoch, machine, since = redis.call('GET', KEYS[1]), ARGV[2], tonumber(ARGV[4])
if not epoch then
  epoch = ARGV[1]
  redis.call('SET', KEYS[1], epoch)
end
if since > tonumber(redis.call('GET', KEYS[4]) or 0) then since = 0 end
redis.call('PEXPIRE', KEYS[1], ${KEPT_MS})
redis.call('HSET', KEYS[5], machine, cmsgpack.pack({ ARGV[3], now }))
redis.call('PEXPIRE', KEYS[5], ${MACHINE_GONE_MS})
local machines, stored = {}, redis.call('HGETALL', KEYS[5])
for index = 1, #stored, 2 do
  local seen = cmsgpack.unpack(stored[index + 1])
  if seen[2] < now - ${MACHINE_GONE_MS} then redis.call('HDEL', KEYS[5], stored[index])
  else machines[#machines + 1] = { stored[index], seen[1], seen[2] } end
end
local changes = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. since, '+inf', 'LIMIT', 0, ARGV[5])) do
  local packed = redis.call('HGET', KEYS[2], name)
  local cell = packed and cmsgpack.unpack(packed)
  if cell and cell[2] > now - ${KEPT_MS} then changes[#changes + 1] = { name, cell[1], cell[2], cell[3] }
  else
    redis.call('HDEL', KEYS[2], name)
    redis.call('ZREM', KEYS[3], name)
  end
end
local micros = time[1] .. string.format('%06d', time[2])
return { micros, epoch, redis.call('GET', KEYS[6]) or '', since, machines, changes }`);

/** Removes a machine. KEYS: machines. ARGV: machine. */
export const FORGET_MACHINE: Script = script(`return redis.call('HDEL', KEYS[1], ARGV[1])`);
