import * as z from 'zod';
import { HOUR_MS, LOG_LEVELS } from '@openrouter-proxy/runtime';
import { readAddressBlock } from '../values/address-block.ts';
import { LOG_FORMATS } from './choices.ts';
import { readPublicUrl } from '../values/url.ts';
import { readAccessKey } from '../values/key-text.ts';
import {
  byteSize,
  choice,
  duration,
  flag,
  list,
  processCount,
  setting,
  text,
  wholeNumber,
} from './setting.ts';
import { secretCodec } from './setting-output.ts';

const KIB = 1024;
const GIB = KIB ** 3;

/** A name for the log and the metrics. A name that looks like a key is refused. */
export const name = () =>
  text('a name of 1 to 64 letters, digits, `.`, `_`, `-` or `@`', /^(?!sk-or-)[\w.@-]{1,64}$/, {
    isQuoted: false,
  });

const accessKey = () => setting(readAccessKey, secretCodec, { type: 'string' });
const logLevel = () => choice(LOG_LEVELS, { warn: 'WARNING', fatal: 'CRITICAL' });

/** One of `server.access_keys`. */
export const accessKeyEntry = z.strictObject({
  name: name().describe("The client's name, in the log and in metrics."),
  key: accessKey().describe("The client's key."),
});

/** The section `server`. Durations become milliseconds, sizes bytes. */
export const serverSection = z.strictObject({
  host: text('a host name or an IP address', /^[\w.:%-]{1,253}$/)
    .prefault('127.0.0.1')
    .describe(
      'Address to listen on. `127.0.0.1`: this machine only; `0.0.0.0`: every machine that reaches this one.',
    ),
  port: wholeNumber(0, 65_535).prefault(5555).describe('Port to listen on; 0 is any free one.'),
  access_key: accessKey()
    .optional()
    .describe("The clients' key. Without one, a random key is made and kept in the state folder."),
  access_keys: list(accessKeyEntry, 1000)
    .prefault([])
    .describe('Further clients, each with a key of its own.'),
  trusted_proxies: list(setting(readAddressBlock, z.string(), { type: 'string' }), 100)
    .prefault([])
    .describe('Reverse proxies whose `X-Forwarded-For` is believed: IP addresses and CIDR blocks.'),
  public_url: setting(readPublicUrl, z.string(), { type: 'string', pattern: '^https?://' })
    .nullable()
    .prefault(null)
    .describe(
      "The gateway's own address as its clients see it. URLs in answers lead there; if left out, to the host that the request names.",
    ),
  log_level: logLevel().prefault('INFO').describe('What the log shows at least.'),
  http_log_level: logLevel().prefault('INFO').describe('The same for the log of requests.'),
  log_format: choice(LOG_FORMATS)
    .prefault('auto')
    .describe('How the log looks; `auto` is pretty on a terminal and JSON elsewhere.'),
  workers: processCount(64)
    .prefault(1)
    .describe('How many processes answer requests; `auto` is one for each processor.'),
  max_body_size: byteSize(KIB, GIB)
    .prefault('64MiB')
    .describe('The largest request body; a larger one is answered with 413.'),
  spool_size: byteSize(0, 1024 * GIB)
    .prefault('1GiB')
    .describe(
      'How much of large request bodies is kept on disk, in the state folder, so that they can be sent again under another key.',
    ),
  shutdown_grace: duration(0, HOUR_MS)
    .prefault('30s')
    .describe('How long running requests may take to finish at a stop.'),
  metrics_public: flag().prefault(false).describe('Whether /metrics is shown without access key.'),
  enable_system_metrics: flag()
    .prefault(true)
    .describe("Whether /metrics shows the machine's CPU and memory."),
  enable_token_counting: flag()
    .prefault(true)
    .describe('Whether the tokens and the cost that OpenRouter reports are counted.'),
});
