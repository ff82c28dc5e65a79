import {
  connectionCause,
  faultInShort,
  type ConnectionProblem,
  type Outcome,
} from '@openrouter-proxy/kms-protocol';
import { GatewayError } from '../errors/gateway-error.ts';

/**
 * How an attempt can end without an answer: `connect` before there was a connection, `broken` when it
 * was lost before the response, `truncated` when it was lost within, `document` by a response that is no
 * whole JSON document where one was due, `redirect` by a redirect, `timeout` by silence, `invalid` by a
 * response no client may see, `aborted` by us.
 */
export type UpstreamFailureKind =
  'connect' | 'broken' | 'truncated' | 'document' | 'redirect' | 'timeout' | 'invalid' | 'aborted';

/** An attempt that brought no response. */
export class UpstreamFailure extends Error {
  override readonly name = 'UpstreamFailure';
  readonly kind: UpstreamFailureKind;
  /**
   * Whether the upstream cannot have begun to work on the request, so that sending it again cannot
   * be paid for twice (RFC 9110, section 9.2.2).
   */
  readonly beforeWork: boolean;
  /** Whether another attempt may succeed. False: an operator has to fix something first. */
  readonly mayPass: boolean;

  constructor(
    kind: UpstreamFailureKind,
    message: string,
    options: { cause?: unknown; beforeWork?: boolean; mayPass?: boolean } = {},
  ) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.beforeWork = options.beforeWork ?? kind === 'connect';
    this.mayPass = options.mayPass ?? true;
  }
}

/** The stream has begun, and the upstream sends a document. It is a whole answer: another one would cost again. */
export function documentInsteadOfStream(): UpstreamFailure {
  const message = 'the upstream answered a stream with a document';
  return new UpstreamFailure('invalid', message, { mayPass: false });
}

/** The document has begun, and the upstream sends something else, which cannot replace it. */
export function noDocument(): UpstreamFailure {
  const message = 'the upstream answered with something other than a JSON document';
  return new UpstreamFailure('invalid', message, { mayPass: false });
}

/** Codes of getaddrinfo(3), and of a certificate's dates. Other codes with CERT in them are about its issuer or name. */
const DNS = /^(?:ENOTFOUND|EAI_\w+|ENODATA)$/;
const CERTIFICATE_DATES = /^CERT_(?:NOT_YET_VALID|HAS_EXPIRED)$/;
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_/;

/** Why no connection was made, by the code of its error; undefined: another reason. */
function connectionProblem({ cause }: UpstreamFailure): ConnectionProblem | undefined {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (DNS.test(code)) return 'dns';
  if (CERTIFICATE_DATES.test(code)) return 'certificate_dates';
  return CERTIFICATE.test(code) ? 'certificate' : undefined;
}

/** Why a connection broke, for logs and operators. Node says `socket hang up` for an early end. */
export function connectionWords({ message }: Error): string {
  if (message === 'socket hang up') return 'the connection was closed before an answer';
  return message === 'read ECONNRESET' ? 'the connection was reset (ECONNRESET)' : message;
}

function connectionFailed(failure: UpstreamFailure, detail: string): Outcome {
  const problem = connectionProblem(failure);
  return { kind: 'connection_failed', detail, ...(problem === undefined ? {} : { problem }) };
}

/** The outcome that the key service gets. */
export function failureOutcome(failure: UpstreamFailure): Outcome {
  const detail = failure.message.slice(0, 300);
  switch (failure.kind) {
    case 'aborted':
      return { kind: 'client_abort' };
    case 'timeout':
      return failure.beforeWork ? connectionFailed(failure, detail) : { kind: 'timeout', detail };
    case 'truncated':
    case 'redirect':
      return { kind: 'truncated', detail };
    case 'document':
      return { kind: 'truncated', detail: `the answer cannot be used: ${detail}` };
    case 'connect':
    case 'broken':
    case 'invalid':
      return connectionFailed(failure, detail);
  }
}

/** The error that the client gets. */
export function failureAnswer(failure: UpstreamFailure): GatewayError {
  if (failure.kind === 'timeout') {
    return new GatewayError('upstream_timeout', `OpenRouter is silent: ${failure.message}.`, {
      cause: failure,
    });
  }
  if (failure.kind === 'connect') {
    const kind = connectionCause(connectionProblem(failure));
    const fault = faultInShort([{ kind, since: 0, detail: '' }]) ?? 'OpenRouter cannot be reached';
    return new GatewayError('upstream_unreachable', `${fault}.`, { cause: failure });
  }
  return new GatewayError('upstream_failed', inWords(failure.kind, failure.message), {
    cause: failure,
  });
}

type BrokenKind = Exclude<UpstreamFailureKind, 'connect' | 'timeout'>;

function inWords(kind: BrokenKind, message: string): string {
  switch (kind) {
    case 'document':
      return `OpenRouter's answer cannot be used: ${message}. If this lasts, check openrouter.base_url and what stands between this gateway and OpenRouter.`;
    case 'redirect':
      return `${message}, and its API never does: check openrouter.base_url and what stands between this gateway and OpenRouter.`;
    default:
      return BROKEN[kind];
  }
}

const BROKEN: Readonly<Record<Exclude<BrokenKind, 'document' | 'redirect'>, string>> = {
  broken: 'OpenRouter closed the connection before it answered.',
  truncated: 'OpenRouter broke off within its answer.',
  invalid:
    'What answered in place of OpenRouter did not send valid HTTP, or not what was asked for.',
  aborted: 'The request was given up.',
};

/** The error that the client gets when the deadline has passed. */
export function deadlinePassed(ms: number): GatewayError {
  return new GatewayError('upstream_timeout', `No key brought an answer within ${ms} ms.`);
}
