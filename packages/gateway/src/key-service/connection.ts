import type { GatewayConfiguration } from '@openrouter-proxy/config';
import { connectToUnixSocket, KmsClient } from '@openrouter-proxy/kms-protocol';
import type { Logger } from '@openrouter-proxy/runtime';
import { Leases } from './leases.ts';

/** The connection to the key service, and the leases that this process holds. */
export interface KeyService {
  readonly kms: KmsClient;
  readonly leases: Leases;
}

/** Connects to the key service, and again whenever the connection breaks, until it is closed. */
export function connectToKeyService(
  { socket, token }: GatewayConfiguration['kms'],
  logger: Logger,
): KeyService {
  const leases = new Leases((hooks) => {
    return new KmsClient({
      connect: () => connectToUnixSocket(socket),
      role: 'gateway',
      token,
      onState: (state, error) => logger.debug('connection to the key service', { state, error }),
      ...hooks,
    });
  }, logger);
  return { kms: leases.kms, leases };
}
