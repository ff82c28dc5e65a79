import { DAY_MS, HOUR_MS } from '@openrouter-proxy/runtime';
import * as z from 'zod';
import {
  ADMINISTRATION,
  KEY_SELECTION_OPTIONS,
  KEY_SELECTION_STRATEGIES,
  TOKEN_COUNTS,
} from './choices.ts';
import { readKey } from '../values/key-text.ts';
import { choice, duration, flag, list, path, setting, text, wholeNumber } from './setting.ts';
import { secretCodec, withOutput } from './setting-output.ts';
import { name } from './server-section.ts';
import { readPresets } from '../values/presets.ts';
import { readPublicEndpoint } from '../values/public-endpoint.ts';
import { readBaseUrl } from '../values/url.ts';

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const KEY_SOURCES = ['key', 'key_file', 'key_env'] as const;

const key = () => setting(readKey, secretCodec, { type: 'string', pattern: '^\\s*sk-or-' });
const timeout = () => duration(1, DAY_MS);
const rateDelay = () => duration(0, HOUR_MS);

/** An entry of `openrouter.keys` that says where the key is. */
export const keyObject = z
  .strictObject({
    key: key().optional().describe('The key itself.'),
    key_file: path()
      .optional()
      .describe(
        'A file that holds the key: alone, or as `name = key`, beside comments (`# …`); relative to the configuration file.',
      ),
    key_env: text('the name of an environment variable', VARIABLE, { isQuoted: false })
      .optional()
      .describe('An environment variable that holds the key.'),
    name: name().optional().describe('What the key is called in the log and the CLI.'),
    account: name()
      .optional()
      .describe('The account it belongs to: keys with the same account share its limits.'),
    max_concurrency: wholeNumber(1, 10_000)
      .nullable()
      .prefault(null)
      .describe('Requests under this key at the same time; without limit if left out.'),
  })
  .refine((entry) => KEY_SOURCES.filter((source) => entry[source] !== undefined).length === 1, {
    error: 'needs exactly one of `key`, `key_file` and `key_env`',
    when: ({ issues }) => issues.length === 0,
  });

/** One of `openrouter.keys`: the key itself, or a mapping that says where it is. */
export const keyEntry = z.union([
  key().transform((secret): z.output<typeof keyObject> => ({ key: secret, max_concurrency: null })),
  keyObject,
]);

/** The section `openrouter`. Durations become milliseconds. */
export const openrouterSection = z.strictObject({
  keys: list(keyEntry, 10_000).prefault([]).describe('The OpenRouter keys to share.'),
  base_url: setting(readBaseUrl, z.string(), { type: 'string', pattern: '^https?://' })
    .prefault('https://openrouter.ai/api/v1')
    .describe("OpenRouter's API."),
  public_endpoints: withOutput(
    list(
      setting(readPublicEndpoint, z.string().nullable(), { type: ['string', 'null'] }),
      100,
    ).transform((paths) => paths.filter((endpoint) => endpoint !== null)),
    z.array(z.string()),
  )
    .prefault(['/api/v1/models'])
    .describe('Paths served without access key, and without an OpenRouter key.'),
  enable_cache: flag().prefault(true).describe('Whether the answer of /models is cached.'),
  cache_ttl: duration(0, 30 * DAY_MS)
    .prefault(300)
    .describe('How long it is cached; a plain number is seconds.'),
  key_selection_strategy: choice(KEY_SELECTION_STRATEGIES)
    .prefault('round-robin')
    .describe('How the next key is chosen.'),
  key_selection_opts: list(choice(KEY_SELECTION_OPTIONS), 10)
    .prefault([])
    .describe(
      '`same`: stay on the last used key while it can serve; `affinity`: keep each conversation on one account.',
    ),
  rate_limit_cooldown: duration(0, 30 * DAY_MS)
    .prefault(14_400)
    .describe('How long a limited key rests when OpenRouter does not say until when.'),
  free_requests_per_minute: wholeNumber(1, 1_000_000)
    .prefault(20)
    .describe('Requests to `:free` models that OpenRouter allows an account in a minute.'),
  free_requests_per_day: wholeNumber(1, 1_000_000)
    .nullable()
    .prefault(null)
    .describe('The same for a UTC day; asked of OpenRouter for each account if left out.'),
  free_only: flag()
    .prefault(false)
    .describe('Whether only free models are listed and allowed; others are answered with 403.'),
  count_tokens: choice(TOKEN_COUNTS)
    .prefault('estimate')
    .describe('Who answers `/messages/count_tokens`: `estimate`, the gateway; `pass`, OpenRouter.'),
  administration: choice(ADMINISTRATION)
    .prefault('deny')
    .describe(
      'Whether clients may use endpoints that look into or change an account: keys, workspaces, guardrails, activity (docs/endpoints.md). `allow` needs `openrouter.management_key`.',
    ),
  management_key: key()
    .nullable()
    .prefault(null)
    .describe('The management key for these endpoints. It never serves anything else.'),
  presets: setting(readPresets, z.record(z.string(), z.string()), {
    type: ['object', 'null'],
    additionalProperties: { type: 'string' },
  })
    .prefault({})
    .describe(
      'Which account holds a preset: the name of the preset, and the account (or the name of one of its keys).',
    ),
  google_rate_delay: rateDelay()
    .prefault(0)
    .describe('How long to wait before a retry or an answer when a provider is overloaded.'),
  global_rate_delay: rateDelay().optional().describe('Another name of `google_rate_delay`.'),
  max_attempts: wholeNumber(1, 10_000)
    .nullable()
    .prefault(null)
    .describe('Upstream attempts for one request; as many as there are keys if left out.'),
  deadline: timeout().prefault('10m').describe('How long one request may take in all.'),
  queue_timeout: duration(0, HOUR_MS)
    .prefault(0)
    .describe('How long a request may wait for a key when none can serve.'),
  connect_timeout: timeout().prefault('10s').describe('How long a connection may take.'),
  first_byte_timeout: timeout().prefault('5m').describe('How long the first byte may take.'),
  idle_timeout: timeout().prefault('5m').describe('How long an answer may pause.'),
  keepalive_after: duration(0, DAY_MS)
    .prefault('30s')
    .describe(
      'After so long without a byte a client that waits for a JSON document gets white space, so that no proxy closes the connection; 0: never.',
    ),
});
