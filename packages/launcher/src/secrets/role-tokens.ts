import { dirname, join } from 'node:path';
import type { Config } from '@openrouter-proxy/config';
import type { Logger, Secret } from '@openrouter-proxy/runtime';
import { randomToken } from './access-key.ts';
import { replacePrivateFile } from '@openrouter-proxy/runtime';

/** The tokens that prove a caller's role to the KMS. New at every start of the launcher. */
export interface RoleTokens {
  readonly gateway: Secret;
  readonly operator: Secret;
}

/** Generates the tokens. */
export const makeRoleTokens = (): RoleTokens => ({
  gateway: randomToken(),
  operator: randomToken(),
});

/**
 * Writes the operator's token beside the socket, where the KMS CLI reads it. Call it after our KMS is
 * ready: before that, the file may belong to another launcher. A failure is logged only.
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
