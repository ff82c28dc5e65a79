import type { Outcome } from '@openrouter-proxy/kms-protocol';
import { GatewayError } from './gateway-error.ts';

/**
 * How an attempt can end without an answer: `connect` before there was a connection, `broken` when it
 * was lost before the response, `truncated` when it was lost within, `timeout` by silence, `invalid` by
 * a response no client may see, `aborted` by us.
 */
export type UpstreamFailureKind =
  'connect' | 'broken' | 'truncated' | 'timeout' | 'invalid' | 'aborted';

/** An attempt that brought no response. */
export class UpstreamFailure extends Error {
  override readonly name = 'UpstreamFailure';
  readonly kind: UpstreamFailureKind;
  /**
   * Whether the upstream cannot have begun to work on the request, so that sending it again cannot
   * be paid for twice (RFC 9110, section 9.2.2).
   */
  readonly beforeWork: boolean;
  /** Whether another try may end otherwise: not when somebody has to mend something first. */
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

/** A stream has begun, and the upstream sends a document: a whole answer, which would be paid for again. */
export function documentInsteadOfStream(): UpstreamFailure {
  const message = 'the upstream answered a stream with a document';
  return new UpstreamFailure('invalid', message, { mayPass: false });
}

/** What the key service is told. */
export function failureOutcome(failure: UpstreamFailure): Outcome {
  const detail = failure.message.slice(0, 300);
  switch (failure.kind) {
    case 'aborted':
      return { kind: 'client_abort' };
    case 'timeout':
      return { kind: failure.beforeWork ? 'connection_failed' : 'timeout', detail };
    case 'truncated':
      return { kind: 'truncated', detail };
    case 'connect':
    case 'broken':
    case 'invalid':
      return { kind: 'connection_failed', detail };
  }
}

/** What the client is told. */
export function failureAnswer(failure: UpstreamFailure): GatewayError {
  if (failure.kind === 'timeout') {
    return new GatewayError('upstream_timeout', `OpenRouter is silent: ${failure.message}.`, {
      cause: failure,
    });
  }
  return new GatewayError(
    'upstream_failed',
    'OpenRouter could not be reached, or its answer was not valid HTTP.',
    { cause: failure },
  );
}
