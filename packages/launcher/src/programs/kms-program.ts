import { fileURLToPath } from 'node:url';
import { kmsConfiguration, type KmsConfiguration } from '@openrouter-proxy/config';
import { KmsClient, connectToUnixSocket } from '@openrouter-proxy/kms-protocol';
import type { Answer, Program } from '../supervision/program.ts';

/** The KMS stops after the gateway, so it only has to close its store. */
const STOP_GRACE_MS = 5_000;

/** The key management service, as the launcher runs it. */
export function kmsProgram(
  configuration: () => KmsConfiguration,
  answer: (what: unknown) => Promise<unknown>,
): Program {
  return {
    name: 'KMS',
    path: fileURLToPath(new URL('kms.js', import.meta.url)), // beside this program in dist/
    stopGraceMs: STOP_GRACE_MS,
    configuration: () => kmsConfiguration.encode(configuration()),
    answer,
    ask: (_address, signal) => ping(configuration(), signal),
  };
}

async function ping({ socket, tokens }: KmsConfiguration, signal: AbortSignal): Promise<Answer> {
  const connect = () => connectToUnixSocket(socket);
  const client = new KmsClient({ connect, role: 'operator', token: tokens.operator });
  try {
    await client.call('service.ping', {}, { signal });
    return { kind: 'ready' };
  } finally {
    await client.close();
  }
}
