import { connectOperator } from '@openrouter-proxy/end-to-end';
import type { KmsClient } from '@openrouter-proxy/kms-protocol';
import { onTestFinished } from 'vitest';
import type { System } from './system.ts';

/** An operator's connection to a system's key service; closed when the test is over. */
export async function operatorOf({ socket }: Pick<System, 'socket'>): Promise<KmsClient> {
  const client = await connectOperator(socket);
  onTestFinished(() => client.close());
  return client;
}
