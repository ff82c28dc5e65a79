import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoadedConfig } from '@openrouter-proxy/config';
import { EXIT, Secret, StartupError } from '@openrouter-proxy/runtime';
import { createPrivateFile } from './private-file.ts';

/** The clients' access key. */
export interface AccessKey {
  /** The key that was made here; null if the configuration gives one. */
  readonly generated: Secret | null;
  /** Where a person finds it. */
  readonly place: string;
}

/** 256 random bits in letters that need no quoting anywhere. */
export const randomToken = () => new Secret(randomBytes(32).toString('base64url'));

/** Finds out where the access key is, and makes one if none is configured. */
export async function prepareAccessKey(
  loaded: Pick<LoadedConfig, 'config' | 'origin' | 'file'>,
): Promise<AccessKey> {
  switch (loaded.origin.accessKey) {
    case 'file':
      return { generated: null, place: `server.access_key in ${loaded.file}` };
    case 'environment':
      return { generated: null, place: 'the variable OPENROUTER_PROXY_ACCESS_KEY' };
    case 'credentials':
      return { generated: null, place: "systemd's credential access_key" };
    case null: {
      const path = join(loaded.config.state_dir, 'access_key');
      return { generated: await generatedAccessKey(path), place: path };
    }
  }
}

/** The access key in a file of its own: made once, the same ever after. */
export async function generatedAccessKey(path: string): Promise<Secret> {
  if (!existsSync(path)) await createPrivateFile(path, `${randomToken().reveal()}\n`);
  const text = (await readFile(path, 'utf8')).trim();
  if (text !== '') return new Secret(text);
  throw new StartupError(EXIT.configuration, [
    `${path} is empty. Delete it, and a new access key is made at the next start.`,
  ]);
}
