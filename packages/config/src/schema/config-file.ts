import * as z from 'zod';
import { keyObject, openrouterSection } from './openrouter-section.ts';
import { accessKeyEntry, serverSection } from './server-section.ts';
import { flag, path, setting } from './setting.ts';
import { redisFields, stateFields, stateSection } from './state-section.ts';
import { readProxyUrl } from '../values/url.ts';
import { withoutEffect } from './without-effect.ts';

const requestProxyFields = z.strictObject({
  enabled: flag({ isQuoted: false })
    .prefault(false)
    .describe('Whether requests to OpenRouter go through a proxy.'),
  url: setting((value) => ({ value }), z.unknown(), { type: 'string' })
    .optional()
    .describe('Its URL (http, https, socks4, socks5, socks5h), with credentials if it wants some.'),
});

/** The URL of a disabled proxy is not checked. */
const requestProxySection = requestProxyFields.transform(({ enabled, url }, context) => {
  if (!enabled) return null;
  const reading = readProxyUrl(url);
  if ('value' in reading) return reading.value;
  context.addIssue({ code: 'custom', path: ['url'], message: reading.problem });
  return z.NEVER;
});

const NO_PORT = 'the key service listens on a Unix socket, see `kms.socket`';

const kmsSection = z.strictObject({
  socket: path()
    .optional()
    .describe('The Unix socket of the key service; `kms.sock` in the state folder if left out.'),
  host: withoutEffect(NO_PORT),
  port: withoutEffect(NO_PORT),
  url: withoutEffect(NO_PORT),
});

/** A section that may be missing, or empty as in `kms:`. */
const section = <T extends z.ZodType>(fields: T, description: string) =>
  z
    .preprocess((value) => value ?? {}, fields)
    .prefault({})
    .describe(description);

/** The schema of `config.yml`, with all types, defaults, limits and descriptions. */
export const configFile = z.strictObject({
  server: section(serverSection, 'What clients connect to.'),
  openrouter: section(openrouterSection, 'The keys, and how requests reach OpenRouter.'),
  requestProxy: section(requestProxySection, 'The outgoing proxy.'),
  kms: section(kmsSection, 'The key management service.'),
  state: section(stateSection, 'Where the state of the keys is kept.'),
  state_dir: path()
    .optional()
    .describe(
      'The folder for everything that is written, for its owner alone. If left out: $STATE_DIRECTORY, else `.openrouter-proxy` beside this file.',
    ),
});

/** The values of a configuration file. */
export type Settings = z.output<typeof configFile>;

/** The fields of each section; under '' the sections themselves. */
export const FIELDS: Readonly<Record<string, Readonly<Record<string, z.ZodType>>>> = {
  '': configFile.shape,
  server: serverSection.shape,
  'server.access_keys': accessKeyEntry.shape,
  openrouter: openrouterSection.shape,
  'openrouter.keys': keyObject.shape,
  requestProxy: requestProxyFields.shape,
  kms: kmsSection.shape,
  state: stateFields.shape,
  'state.redis': redisFields.shape,
};

/** The JSON Schema of `config.yml`, for editors. */
export const configJsonSchema = () => ({
  title: 'openrouter-proxy configuration',
  ...z.toJSONSchema(configFile, { io: 'input', target: 'draft-07' }),
});
