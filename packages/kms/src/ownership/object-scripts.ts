import { script, type Script } from '../store/redis/connection/script.ts';

/** Objects in the list of one client. Of more, the oldest leave the list. */
const MAX_LISTED = 10_000;

/**
 * Keeps owners of objects. An object has one owner: a second one is ignored.
 * KEYS: records, and lists of clients.
 * ARGV: now; then for each object the places of its record and its list in KEYS, the record, its expiry,
 * its creation time and its id. Times in milliseconds.
 */
export const KEEP_OBJECTS: Script = script(`
local now = tonumber(ARGV[1])
for index = 2, #ARGV, 6 do
  local record, list = KEYS[tonumber(ARGV[index])], KEYS[tonumber(ARGV[index + 1])]
  local expiry = tonumber(ARGV[index + 3])
  if expiry > now and redis.call('SET', record, ARGV[index + 2], 'NX', 'PX', expiry - now) then
    redis.call('ZADD', list, ARGV[index + 4], ARGV[index + 5])
    redis.call('ZREMRANGEBYRANK', list, 0, -${MAX_LISTED} - 1)
    if redis.call('PTTL', list) < expiry - now then redis.call('PEXPIRE', list, expiry - now) end
  end
end`);

/** Reads records. KEYS: the records. */
export const READ_OBJECTS: Script = script(`return redis.call('MGET', unpack(KEYS))`);

/** Reads ids and creation times, the latest first. KEYS: a client's list. ARGV: the latest time, how many. */
export const LIST_OBJECTS: Script = script(
  `return redis.call('ZREVRANGEBYSCORE', KEYS[1], ARGV[1], '-inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])`,
);

/** Deletes the owner of an object. KEYS: its record, the list of its client. ARGV: its id. */
export const FORGET_OBJECT: Script = script(`
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[1])`);
