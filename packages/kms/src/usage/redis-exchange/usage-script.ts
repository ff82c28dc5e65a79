import { DAY_MS } from '@openrouter-proxy/runtime';
import { script, type Script } from '../../store/redis/connection/script.ts';

/** Usage expires this long after the last exchange. */
const KEPT_MS = 100 * DAY_MS;
/** The most entries. The oldest are deleted first. */
const MAX_ENTRIES = 10_000;
/** The most entries deleted in one call. */
const FORGET_AT_ONCE = 100;

/**
 * Takes what a machine used on some days, and gives what has changed since a revision. An entry is what
 * one machine used on one day, as a whole: told twice or late, it changes nothing.
 * KEYS: token, revision, entries by revision, rows by entry, entries by day.
 * ARGV: a new token, the first day that is kept, revision, how many entries; then entry, day, rows.
 */
export const EXCHANGE_USAGE: Script = script(`
redis.call('SET', KEYS[1], ARGV[1], 'NX')
for index = 5, #ARGV, 3 do
  local entry, rows = ARGV[index], ARGV[index + 2]
  if redis.call('HGET', KEYS[4], entry) ~= rows then
    redis.call('HSET', KEYS[4], entry, rows)
    redis.call('ZADD', KEYS[3], redis.call('INCR', KEYS[2]), entry)
    redis.call('ZADD', KEYS[5], ARGV[index + 1], entry)
  end
end
local function forget(entries)
  for _, entry in ipairs(entries) do
    redis.call('HDEL', KEYS[4], entry)
    redis.call('ZREM', KEYS[3], entry)
    redis.call('ZREM', KEYS[5], entry)
  end
end
forget(redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', '(' .. ARGV[2], 'LIMIT', 0, ${FORGET_AT_ONCE}))
local excess = math.min(redis.call('ZCARD', KEYS[5]) - ${MAX_ENTRIES}, ${FORGET_AT_ONCE})
if excess > 0 then forget(redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', '+inf', 'LIMIT', 0, excess)) end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ${KEPT_MS}) end
local changes = {}
local found = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. ARGV[3], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[4])
for index = 1, #found, 2 do
  local rows = redis.call('HGET', KEYS[4], found[index])
  changes[#changes + 1] = { found[index], found[index + 1], rows or '' }
end
return { redis.call('GET', KEYS[1]), changes }`);
