import { hash, timingSafeEqual } from 'node:crypto';
import { PROTOCOL_VERSION, contract, type HeldLease, type Role } from './contract.ts';
import { describeIssues } from './issues.ts';
import { KmsError } from './kms-error.ts';

/** A token that is revealed only where it is compared or sent. */
export interface Token {
  reveal(): string;
}

/** Who said hello, and what it still holds. */
export interface Admission {
  role: Role;
  leases: readonly HeldLease[];
}

/**
 * Judges the parameters of a `session.hello`. Throws HELLO_REQUIRED for another protocol version,
 * INVALID_PARAMS, and FORBIDDEN for a token that is not the role's.
 */
export type Admit = (params: unknown) => Admission;

/** Admits those who show their role's token. Digests are compared, in constant time: they are all of one length. */
export function admitByToken(tokens: Readonly<Record<Role, Token>>): Admit {
  const digests = {
    gateway: digest(tokens.gateway.reveal()),
    operator: digest(tokens.operator.reveal()),
  };
  return (params) => {
    requireSameProtocol(params);
    const hello = contract['session.hello'].params.safeParse(params);
    if (!hello.success) throw new KmsError('INVALID_PARAMS', describeIssues(hello.error));
    const { role, token, leases = [] } = hello.data;
    if (!timingSafeEqual(digest(token), digests[role])) {
      throw new KmsError('FORBIDDEN', `This is not the token of the role ${role}.`);
    }
    return { role, leases };
  };
}

/** Asked first, and of as little as possible: the rest of another version's hello may look different. */
function requireSameProtocol(params: unknown): void {
  if (typeof params !== 'object' || params === null || !('protocol' in params)) return;
  if (params.protocol === PROTOCOL_VERSION) return;
  throw new KmsError(
    'HELLO_REQUIRED',
    `This service speaks protocol ${PROTOCOL_VERSION} only: run both sides in the same version.`,
  );
}

function digest(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
