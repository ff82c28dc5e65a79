import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { connectToUnixSocket, KmsClient } from '@openrouter-proxy/kms-protocol';
import { onTestFinished } from 'vitest';
import type { System } from './system.ts';

/** An operator's connection to a system's key service; closed when the test is over. */
export async function operatorOf({ socket, stateDir }: System): Promise<KmsClient> {
  const token = (await readFile(path.join(stateDir, 'operator.token'), 'utf8')).trim();
  const client = new KmsClient({
    connect: () => connectToUnixSocket(socket),
    role: 'operator',
    token: { reveal: () => token },
  });
  onTestFinished(() => client.close());
  return client;
}
