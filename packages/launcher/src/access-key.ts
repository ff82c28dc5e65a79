import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  isLoopbackHost,
  isWeakAccessKey,
  weakKeyWords,
  type LoadedConfig,
} from '@openrouter-proxy/config';
import { EXIT, Secret, StartupError } from '@openrouter-proxy/runtime';
import { createPrivateFile } from './private-file.ts';

/** 256 random bits in letters that need no quoting anywhere. */
export const randomToken = () => new Secret(randomBytes(32).toString('base64url'));

/** Where the generated access key is while it is in use, and while another one is configured. */
export function generatedKeyPaths(stateDir: string) {
  const used = join(stateDir, 'access_key');
  return { used, unused: `${used}.unused` };
}

/** Where a person finds the clients' access key. */
export function accessKeyPlace({
  config,
  origin,
  file,
}: Pick<LoadedConfig, 'config' | 'origin' | 'file'>): string {
  switch (origin.accessKey) {
    case 'file':
      return `server.access_key in ${file}`;
    case 'environment':
      return 'the variable OPENROUTER_PROXY_ACCESS_KEY';
    case 'credentials':
      return "systemd's credential access_key";
    case null:
      return generatedKeyPaths(config.state_dir).used;
  }
}

/**
 * The access key of the state folder, made once and the same ever after; null if the configuration
 * gives one. A person may have written the file, so a weak key is refused as in the configuration.
 */
export async function generatedAccessKey({
  config: { server, state_dir: stateDir },
  origin,
}: Pick<LoadedConfig, 'config' | 'origin'>): Promise<Secret | null> {
  if (origin.accessKey !== null) return null;
  const { used, unused } = generatedKeyPaths(stateDir);
  const path = !existsSync(used) && existsSync(unused) ? unused : used;
  if (!existsSync(path)) await createPrivateFile(path, `${randomToken().reveal()}\n`);
  const key = (await readFile(path, 'utf8')).trim();
  const problem = problemOf(key, server.host);
  if (problem === null) return new Secret(key);
  throw new StartupError(EXIT.configuration, [
    `${path} ${problem}. Or delete the file, and a new access key is made at the next start.`,
  ]);
}

function problemOf(key: string, host: string): string | null {
  if (key === '') return 'is empty: put an access key into it';
  return isWeakAccessKey(key) && !isLoopbackHost(host) ? weakKeyWords(host) : null;
}
