import { Secret } from '@openrouter-proxy/runtime';
import * as z from 'zod';
import { OUTAGE_POLICIES, STATE_BACKENDS } from './choices.ts';
import { readRedisUrl } from '../values/redis-url.ts';
import { choice, setting, text } from './setting.ts';

/** The Redis that holds shared state. */
export const redisFields = z.strictObject({
  url: setting((value) => ({ value }), z.unknown(), { type: 'string' })
    .optional()
    .describe(
      'Where Redis is: redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://; see docs/redis.md.',
    ),
  prefix: text('1 to 64 letters, digits, `.`, `_`, `:` or `-`', /^[\w.:-]{1,64}$/)
    .prefault('openrouter-proxy')
    .describe('What every name in Redis begins with. Machines that share a pool have the same.'),
  on_outage: choice(OUTAGE_POLICIES)
    .prefault('static')
    .describe(
      'While Redis is away: `static` serves on what is known for 30 s and then refuses, `open` goes on serving, `closed` refuses at once.',
    ),
});

/** Where the state of the keys is kept. */
export const stateFields = z.strictObject({
  backend: choice(STATE_BACKENDS)
    .prefault('embedded')
    .describe('`embedded`: a file of this machine. `redis`: shared by several machines.'),
  redis: z
    .preprocess((value) => value ?? {}, redisFields)
    .prefault({})
    .describe('The Redis that machines share.'),
});

/** The URL of an unused Redis is not checked. */
export const stateSection = stateFields.transform(({ backend, redis }, context) => {
  if (backend === 'embedded') return { backend };
  const reading = readRedisUrl(redis.url);
  if ('value' in reading) return { backend, ...redis, url: new Secret(String(redis.url)) };
  context.addIssue({ code: 'custom', path: ['redis', 'url'], message: reading.problem });
  return z.NEVER;
});
