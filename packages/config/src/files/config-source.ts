import { dirname, resolve } from 'node:path';
import { readSmallFile } from './small-file.ts';
import type { YamlDocument } from './yaml-document.ts';

const DEFAULT_FILE = 'config.yml';
const MAX_FILE_BYTES = 256 * 1024;

/** Everything outside the file that the configuration depends on. */
export interface ConfigInputs {
  /** The file named on the command line. */
  readonly path?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The working directory. */
  readonly cwd: string;
  /** `--host` and `--port`. */
  readonly listen?: { readonly host?: string | undefined; readonly port?: string | undefined };
  /** The host on which a running gateway listens. */
  readonly boundHost?: string | undefined;
  /** Whether a missing OpenRouter key is an error. A start needs one; `kms config` does not. */
  readonly needsKeys?: boolean | undefined;
}

/** The configuration file, if there is one. */
export interface ConfigSource {
  /** The name in messages. */
  readonly label: string;
  /** Absolute; null if there is none, and built-in defaults are used. */
  readonly file: string | null;
  /** The base of relative paths in the file. */
  readonly folder: string;
  readonly isOpenToAll: boolean;
  /** Why the file could not be read, completing "FILE …"; null if it was read or does not exist. */
  readonly failure: string | null;
  readonly document: YamlDocument;
}

/**
 * Reads the file named on the command line, else by OPENROUTER_PROXY_CONFIG, else `config.yml` of the
 * working directory if it is there.
 */
export async function readConfigSource({ path, env, cwd }: ConfigInputs): Promise<ConfigSource> {
  const variable = env['OPENROUTER_PROXY_CONFIG'];
  const named = path ?? (variable === '' ? undefined : variable);
  const label = named ?? DEFAULT_FILE;
  const file = resolve(cwd, label);
  const reading = await readSmallFile(file, MAX_FILE_BYTES);
  // Loaded on demand: child processes get their configuration from the launcher and need no YAML parser.
  const { readYaml } = await import('./yaml-document.ts');
  const folder = dirname(file);
  if (reading.kind === 'text') {
    const { text, isOpenToAll } = reading;
    return { label, file, folder, isOpenToAll, failure: null, document: readYaml(text) };
  }
  const nothing = { label, isOpenToAll: false, document: readYaml('') };
  return reading.kind === 'missing' && named === undefined
    ? { ...nothing, file: null, folder: cwd, failure: null }
    : { ...nothing, file, folder, failure: reading.reason };
}
