import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  connectToUnixSocket,
  KmsClient,
  KmsError,
  type KeyView,
} from '@openrouter-proxy/kms-protocol';

const LOOK_EVERY_MS = 200;

function describe({ name, state }: KeyView): string {
  switch (state.kind) {
    case 'available':
      return `${name} is back in service`;
    case 'cooling': {
      const seconds = Math.ceil((state.until - Date.now()) / 1000);
      return `${name} cools for ${seconds} s: ${state.cause.detail.trim()}`;
    }
    case 'disabled':
      return `${name} is disabled: ${state.cause.detail}`;
  }
}

/** Prints a line whenever a key's state changes, as an operator sees it over the key service's socket. */
export async function watchKeys(options: { folder: string; signal: AbortSignal }): Promise<void> {
  const token = (await readFile(path.join(options.folder, 'operator.token'), 'utf8')).trim();
  const client = new KmsClient({
    connect: () => connectToUnixSocket(path.join(options.folder, 'kms.sock')),
    role: 'operator',
    token: { reveal: () => token },
  });
  const known = new Map<string, string>();
  while (!options.signal.aborted) {
    try {
      const { keys } = await client.call('keys.list', {}, { signal: options.signal });
      for (const key of keys) {
        const before = known.get(key.keyId) ?? 'available';
        known.set(key.keyId, key.state.kind);
        if (before !== key.state.kind) console.log(`          ▸ ${describe(key)}`);
      }
    } catch (error) {
      if (!KmsError.is(error, 'UNAVAILABLE')) throw error;
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal: options.signal }).catch(() => undefined); // ends with the loop
  }
  await client.close();
}
