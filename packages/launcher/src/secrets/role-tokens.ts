import { dirname, join } from 'node:path';
import type { Config } from '@openrouter-proxy/config';
import type { Logger, Secret } from '@openrouter-proxy/runtime';
import { randomToken } from './access-key.ts';
import { replacePrivateFile } from '@openrouter-proxy/runtime';

/** What the KMS tells its callers apart by. New at every start of the launcher. */
export interface RoleTokens {
  readonly gateway: Secret;
  readonly operator: Secret;
}

/** Makes the tokens of one life of the launcher. */
export const makeRoleTokens = (): RoleTokens => ({
  gateway: randomToken(),
  operator: randomToken(),
});

/**
 * Puts the operator's token beside the socket, for those who may connect to it: the KMS CLI reads it
 * there. To be called when our KMS runs: before that, the file may belong to another launcher. The
 * service goes on without it.
 */
export async function publishOperatorToken(
  { socket, access }: Config['kms'],
  { operator }: RoleTokens,
  logger: Logger,
): Promise<void> {
  try {
    const path = join(dirname(socket), 'operator.token');
    await replacePrivateFile(path, `${operator.reveal()}\n`, access === 'group' ? 0o640 : 0o600);
  } catch (error) {
    logger.error('the KMS CLI cannot be used: its token could not be written', { error });
  }
}
