import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EXIT, Secret, StartupError } from '@openrouter-proxy/runtime';
import { createPrivateFile } from './private-file.ts';

/** A clients' key that was made here, and the file that keeps it. */
export interface GeneratedKey {
  readonly key: Secret;
  readonly path: string;
}

/** 256 random bits in letters that need no quoting anywhere. */
export const randomToken = () => new Secret(randomBytes(32).toString('base64url'));

/** The clients' access key for a configuration that names none: made once, the same ever after. */
export async function generatedAccessKey(stateFolder: string): Promise<GeneratedKey> {
  const path = join(stateFolder, 'access_key');
  if (!existsSync(path)) await createPrivateFile(path, `${randomToken().reveal()}\n`);
  const text = (await readFile(path, 'utf8')).trim();
  if (text === '') {
    throw new StartupError(EXIT.configuration, [
      `${path} is empty. Delete it, and a new access key is made at the next start.`,
    ]);
  }
  return { key: new Secret(text), path };
}
