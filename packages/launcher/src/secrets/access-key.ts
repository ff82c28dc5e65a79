import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  isLoopbackHost,
  isWeakAccessKey,
  readAccessKey,
  readSmallFile,
  weakKeyWords,
  type LoadedConfig,
} from '@openrouter-proxy/config';
import { createPrivateFile, EXIT, Secret, StartupError } from '@openrouter-proxy/runtime';
import { hostPlace } from '../announcements/host-place.ts';

/** More than an access key can have. */
const MAX_FILE_BYTES = 4_096;

/** 256 random bits, in characters that need no quoting. */
export const randomToken = () => new Secret(randomBytes(32).toString('base64url'));

/** The file of the generated access key, and its name while another access key is configured. */
export function generatedKeyPaths(stateDir: string) {
  const used = join(stateDir, 'access_key');
  return { used, unused: `${used}.unused` };
}

/** The place of the clients' access key, for a person. */
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
 * The generated access key of the state folder, made at the first start; null if the configuration sets
 * one. A person may have edited the file, so a weak key is refused as in the configuration.
 */
export async function generatedAccessKey({
  config: { server, state_dir: stateDir },
  origin,
  settings,
}: Pick<LoadedConfig, 'config' | 'origin' | 'settings'>): Promise<Secret | null> {
  if (origin.accessKey !== null) return null;
  const { used, unused } = generatedKeyPaths(stateDir);
  const path = !existsSync(used) && existsSync(unused) ? unused : used;
  if (!existsSync(path)) await createPrivateFile(path, `${randomToken().reveal()}\n`);
  const key = await keyInFile(path, server.host, hostPlace({ settings }));
  if (key instanceof Secret) return key;
  throw new StartupError(EXIT.configuration, [
    `${path} ${key.problem}. Or delete the file, and a new access key is made at the next start.`,
  ]);
}

/** The key, or a problem that completes "FILE …". */
async function keyInFile(
  path: string,
  host: string,
  place: string,
): Promise<Secret | { problem: string }> {
  const reading = await readSmallFile(path, MAX_FILE_BYTES);
  if (reading.kind !== 'text') return { problem: reading.reason };
  const text = reading.text.trim();
  if (text === '') return { problem: 'is empty: put an access key into it' };
  const key = readAccessKey(text);
  if ('problem' in key) return key;
  return isWeakAccessKey(text) && !isLoopbackHost(host)
    ? { problem: weakKeyWords(host, place) }
    : key.value;
}
