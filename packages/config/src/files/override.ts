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

/** A setting from outside the file that overrides the file. */
export interface Override<From extends Origin = Exclude<Origin, 'file'>> {
  readonly path: readonly [section: string, ...names: string[]];
  readonly value: unknown;
  readonly origin: From;
  /** What people call the place: a file, a variable, or an option. */
  readonly place: string;
  /** The place of each entry of a list: `line 3`. */
  readonly entryPlaces?: readonly string[];
  /** The subject of the warning about a conflict with the file: the place, and how it can be changed. */
  readonly conflict: string;
  /** What it is: `the keys`. */
  readonly what: string;
}

/** A secret from outside the file. */
export type SecretOverride = Override<Exclude<SecretOrigin, 'file'>>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Keys as entries of `openrouter.keys`. */
const keyEntries = (text: string) =>
  readKeyList(text).map(({ name, key }) => (name === null ? key : { name, key }));
const keyPlaces = (text: string) => readKeyList(text).map(({ place }) => place);
const noPlaces = (): string[] => [];

const OVERRIDABLE = [
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
    isGiven: () => true, // an empty access key is an error, not a missing one
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
 * Settings from systemd's credentials (systemd.exec(5), LoadCredential=), else from the environment. A
 * unit must name every possible credential, so an empty credential counts as absent.
 */
export async function findOverrides(env: Environment): Promise<SecretOverride[]> {
  const found = await Promise.all(
    OVERRIDABLE.map(async ({ path: setting, credential, variable, what, parse, ...of }) => {
      const credentials = env['CREDENTIALS_DIRECTORY'];
      const path = credentials ? join(credentials, credential) : undefined;
      const text = path === undefined ? '' : await readCredential(path);
      const given = (value: string) => ({
        ...{ path: setting, value: parse(value), entryPlaces: of.placesIn(value), what },
      });
      if (path !== undefined && isCredential(text, of.isGiven)) {
        const origin = 'credentials' as const;
        const conflict = `the credential ${credential}, which systemd reads at the start only,`;
        return [{ ...given(text), origin, place: path, conflict }];
      }
      const value = env[variable];
      if (value === undefined || !of.isGiven(value)) return [];
      const origin = 'environment' as const;
      return [{ ...given(value), origin, place: variable, conflict: variable }];
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

/** The file's value with the override applied; unchanged if the value cannot hold it. */
export function withOverride(value: unknown, { path, value: given }: Override): unknown {
  return withValueAt(value, path, given);
}

/** Warnings for settings of the file that are overridden. Options override on purpose, so they cause none. */
export function overriddenInFile(value: unknown, overrides: readonly Override[]): Diagnostic[] {
  return overrides.flatMap(({ path, value: given, origin, what, conflict }) => {
    const inFile = valueAt(value, ...path) ?? [];
    if (origin === 'option' || inFile === given) return [];
    if (Array.isArray(inFile) && inFile.length === 0) return [];
    const text = `\`${dotted(path)}\` is not used: ${conflict} comes before it; change that and restart, or move ${what} into the file`;
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
