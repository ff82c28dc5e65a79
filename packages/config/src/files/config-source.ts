import { dirname, resolve } from 'node:path';
import { readSmallFile } from './small-file.ts';
import type { YamlDocument } from './yaml-document.ts';

const DEFAULT_FILE = 'config.yml';
const MAX_FILE_BYTES = 256 * 1024;

/** What a process is started with, as far as it bears on the configuration. */
export interface ConfigInputs {
  /** The file named on the command line. */
  readonly path?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The working directory. */
  readonly cwd: string;
  /** Where to listen, as the command line says. */
  readonly listen?: { readonly host?: string | undefined; readonly port?: string | undefined };
  /** The host on which a gateway that already runs listens. */
  readonly boundHost?: string | undefined;
  /** False for somebody who only looks at the settings; a start needs at least one OpenRouter key. */
  readonly needsKeys?: boolean | undefined;
}

/** The configuration file, or the lack of one. */
export interface ConfigSource {
  /** What people call it. */
  readonly label: string;
  /** Absolute; null if there is none, and built-in defaults are used. */
  readonly file: string | null;
  /** What relative paths in it start from. */
  readonly folder: string;
  readonly isOpenToAll: boolean;
  /** Completes "FILE …": why there is a file and no text of it; null if there is, or no file. */
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
  // Those who are handed their part of the configuration need not carry what reads the file.
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
