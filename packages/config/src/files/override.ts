import { join } from 'node:path';
import { EXIT, StartupError } from '@openrouter-proxy/runtime';
import { readKeyList } from '../values/key-list.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { readSmallFile } from './small-file.ts';
import { kindOf } from '../values/shown.ts';
import { dotted, valueAt } from '../values/value-path.ts';

const MAX_CREDENTIAL_BYTES = 2 * 1024 * 1024;

/** The environment variables that hold secrets. */
export const SECRET_VARIABLES = [
  'OPENROUTER_KEYS',
  'OPENROUTER_PROXY_ACCESS_KEY',
  'REDIS_URL',
] as const;

/** Where a secret came from. */
export type SecretOrigin = 'credentials' | 'environment' | 'file';

/** Where a setting came from; `option`: from the command line. */
export type Origin = SecretOrigin | 'option';

/** A setting that is given outside the file and replaces the one there. */
export interface Replacement<From extends Origin = Exclude<Origin, 'file'>> {
  readonly path: readonly [section: string, ...names: string[]];
  readonly value: unknown;
  readonly origin: From;
  /** What people call the place: a file, a variable, or an option. */
  readonly place: string;
  /** Where each entry of a list stands in it: `line 3`. */
  readonly entryPlaces?: readonly string[];
  /** The place with what one has to know to change what is there. */
  readonly rival: string;
  /** What it is: `the keys`. */
  readonly what: string;
}

/** A secret that is given outside the file. */
export type SecretReplacement = Replacement<Exclude<SecretOrigin, 'file'>>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Keys as entries of `openrouter.keys`. */
const keyEntries = (text: string) =>
  readKeyList(text).map(({ name, key }) => (name === null ? key : { name, key }));
const keyPlaces = (text: string) => readKeyList(text).map(({ place }) => place);
const noPlaces = (): string[] => [];

const REPLACEABLE = [
  {
    path: ['openrouter', 'keys'],
    credential: 'openrouter_keys',
    variable: 'OPENROUTER_KEYS',
    what: 'the keys',
    parse: keyEntries,
    placesIn: keyPlaces,
    isGiven: (text: string) => readKeyList(text).length > 0,
  },
  {
    path: ['server', 'access_key'],
    credential: 'access_key',
    variable: 'OPENROUTER_PROXY_ACCESS_KEY',
    what: 'the access key',
    parse: (text: string) => text.trim(),
    placesIn: noPlaces,
    isGiven: () => true, // an empty access key is a mistake to be told, not a missing one
  },
  {
    path: ['state', 'redis', 'url'],
    credential: 'redis_url',
    variable: 'REDIS_URL',
    what: 'the URL',
    parse: (text: string) => text.trim(),
    placesIn: noPlaces,
    isGiven: (text: string) => text.trim() !== '',
  },
] as const;

/**
 * The settings given by systemd's credentials (systemd.exec(5), LoadCredential=), else by the
 * environment. A unit has to name every credential that there may be, so an empty one stands for none.
 */
export async function findReplacements(env: Environment): Promise<SecretReplacement[]> {
  const found = await Promise.all(
    REPLACEABLE.map(async ({ path: setting, credential, variable, what, parse, ...of }) => {
      const credentials = env['CREDENTIALS_DIRECTORY'];
      const path = credentials ? join(credentials, credential) : undefined;
      const text = path === undefined ? '' : await readCredential(path);
      const given = (value: string) => ({
        ...{ path: setting, value: parse(value), entryPlaces: of.placesIn(value), what },
      });
      if (path !== undefined && isCredential(text, of.isGiven)) {
        const origin = 'credentials' as const;
        const rival = `the credential ${credential}, which systemd reads at the start only,`;
        return [{ ...given(text), origin, place: path, rival }];
      }
      const value = env[variable];
      if (value === undefined || !of.isGiven(value)) return [];
      const origin = 'environment' as const;
      return [{ ...given(value), origin, place: variable, rival: variable }];
    }),
  );
  return found.flat();
}

const isCredential = (text: string, isGiven: (text: string) => boolean) =>
  text.trim() !== '' && isGiven(text);

async function readCredential(path: string): Promise<string> {
  const reading = await readSmallFile(path, MAX_CREDENTIAL_BYTES);
  if (reading.kind === 'text') return reading.text;
  if (reading.kind === 'missing') return '';
  throw new StartupError(EXIT.configuration, [`${path}: ${reading.reason}`]);
}

/** The file's value with the replacement in place; a value that cannot hold it is left as it is. */
export function replaced(value: unknown, { path, value: given }: Replacement): unknown {
  return withValueAt(value, path, given);
}

/** What the file says in vain, because another value replaces it; an option does so on purpose. */
export function replacedInFile(value: unknown, replacements: readonly Replacement[]): Diagnostic[] {
  return replacements.flatMap(({ path, value: given, origin, what, rival }) => {
    const inFile = valueAt(value, ...path) ?? [];
    if (origin === 'option' || inFile === given) return [];
    if (Array.isArray(inFile) && inFile.length === 0) return [];
    const text = `\`${dotted(path)}\` is not used: ${rival} comes before it; change that and restart, or move ${what} into the file`;
    return [{ path, text, standsAlone: true }];
  });
}

function withValueAt(value: unknown, path: readonly string[], given: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return given;
  const whole = asMapping(value);
  return whole ? { ...whole, [name]: withValueAt(whole[name], rest, given) } : value;
}

function asMapping(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (value === undefined || value === null) return {};
  // A mapping of YAML is a plain object.
  return kindOf(value) === 'a mapping' ? (value as Record<string, unknown>) : undefined;
}
