import { join } from 'node:path';
import type { Logger, Secret } from '@openrouter-proxy/runtime';
import { randomToken } from './access-key.ts';
import { replacePrivateFile } from './private-file.ts';

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
 * Puts the operator's token where the KMS CLI reads it. To be called when our KMS runs: before that,
 * the file may belong to another launcher on the same state folder. The service goes on without it.
 */
export async function publishOperatorToken(
  stateFolder: string,
  { operator }: RoleTokens,
  logger: Logger,
): Promise<void> {
  try {
    await replacePrivateFile(join(stateFolder, 'operator.token'), `${operator.reveal()}\n`);
  } catch (error) {
    logger.error('the KMS CLI cannot be used: its token could not be written', { error });
  }
}
