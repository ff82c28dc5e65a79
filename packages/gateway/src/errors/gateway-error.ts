import { LONGEST_RETRY_AFTER_MS, retryAdvice } from './retry-advice.ts';

/**
 * Every failure the gateway answers by itself: the status, the `type` clients read, Anthropic's name for
 * it, and OpenRouter's (OpenRouter API reference, `ApiErrorType`).
 */
export const GATEWAY_ERRORS = {
  bad_request: {
    status: 400,
    type: 'invalid_request_error',
    anthropic: 'invalid_request_error',
    errorType: 'invalid_request',
  },
  unauthorized: {
    status: 401,
    type: 'authentication_error',
    anthropic: 'authentication_error',
    errorType: 'authentication',
  },
  paid_model: {
    status: 403,
    type: 'permission_error',
    anthropic: 'permission_error',
    errorType: 'permission_denied',
  },
  administration_denied: {
    status: 403,
    type: 'permission_error',
    anthropic: 'permission_error',
    errorType: 'permission_denied',
  },
  not_found: {
    status: 404,
    type: 'not_found_error',
    anthropic: 'not_found_error',
    errorType: 'not_found',
  },
  method_not_allowed: {
    status: 405,
    type: 'invalid_request_error',
    anthropic: 'invalid_request_error',
    errorType: 'invalid_request',
  },
  request_timeout: {
    status: 408,
    type: 'timeout_error',
    anthropic: 'timeout_error',
    errorType: 'timeout',
  },
  body_too_large: {
    status: 413,
    type: 'invalid_request_error',
    anthropic: 'request_too_large',
    errorType: 'payload_too_large',
  },
  expectation_failed: {
    status: 417,
    type: 'invalid_request_error',
    anthropic: 'invalid_request_error',
    errorType: 'invalid_request',
  },
  upgrade_required: {
    status: 426,
    type: 'invalid_request_error',
    anthropic: 'invalid_request_error',
    errorType: 'invalid_request',
  },
  keys_limited: {
    status: 429,
    type: 'rate_limit_error',
    anthropic: 'rate_limit_error',
    errorType: 'rate_limit_exceeded',
  },
  too_many_wrong_keys: {
    status: 429,
    type: 'rate_limit_error',
    anthropic: 'rate_limit_error',
    errorType: 'rate_limit_exceeded',
  },
  model_limited: {
    status: 429,
    type: 'rate_limit_error',
    anthropic: 'overloaded_error',
    errorType: 'rate_limit_exceeded',
  },
  headers_too_large: {
    status: 431,
    type: 'invalid_request_error',
    anthropic: 'invalid_request_error',
    errorType: 'payload_too_large',
  },
  internal: { status: 500, type: 'api_error', anthropic: 'api_error', errorType: 'server' },
  upstream_unreachable: {
    status: 502,
    type: 'upstream_error',
    anthropic: 'api_error',
    errorType: 'provider_unavailable',
  },
  upstream_failed: {
    status: 502,
    type: 'upstream_error',
    anthropic: 'api_error',
    errorType: 'provider_unavailable',
  },
  no_usable_key: {
    status: 503,
    type: 'service_unavailable',
    anthropic: 'overloaded_error',
    errorType: 'provider_unavailable',
  },
  key_refused: {
    status: 503,
    type: 'service_unavailable',
    anthropic: 'overloaded_error',
    errorType: 'provider_unavailable',
  },
  edge_blocked: {
    status: 429,
    type: 'upstream_error',
    anthropic: 'rate_limit_error',
    errorType: 'rate_limit_exceeded',
  },
  edge_refused: {
    status: 403,
    type: 'upstream_error',
    anthropic: 'invalid_request_error',
    errorType: 'permission_denied',
  },
  edge_failed: {
    status: 502,
    type: 'upstream_error',
    anthropic: 'api_error',
    errorType: 'provider_unavailable',
  },
  key_service_unavailable: {
    status: 503,
    type: 'service_unavailable',
    anthropic: 'overloaded_error',
    errorType: 'server',
  },
  upstream_blocked: {
    status: 503,
    type: 'service_unavailable',
    anthropic: 'overloaded_error',
    errorType: 'provider_unavailable',
  },
  overloaded: {
    status: 503,
    type: 'service_unavailable',
    anthropic: 'overloaded_error',
    errorType: 'provider_overloaded',
  },
  shutting_down: {
    status: 503,
    type: 'service_unavailable',
    anthropic: 'overloaded_error',
    errorType: 'server',
  },
  upstream_timeout: {
    status: 504,
    type: 'timeout_error',
    anthropic: 'timeout_error',
    errorType: 'timeout',
  },
} as const;

/** A refusal that clients do not repeat by themselves. */
const FIRM = {
  status: 403,
  type: 'permission_error',
  anthropic: 'permission_error',
  errorType: 'permission_denied',
} as const;

/** The `type` of a limit that lasts: promptfoo repeats every other 429. */
export const QUOTA_EXCEEDED = 'quota_exceeded';

/** The name of a failure. */
export type GatewayErrorCode = keyof typeof GATEWAY_ERRORS;

interface GatewayErrorOptions {
  retryAfterMs?: number | undefined;
  cause?: unknown;
  status?: number;
  isFirm?: boolean;
}

/** A failure that ends a request with an answer of the gateway's own. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: GatewayErrorCode;
  /** Set when waiting helps, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** The status of its code, unless it is firm, or passes on the status of an answer. */
  readonly status: number;
  /** Whether it keeps clients from repeating the request by themselves. */
  readonly isFirm: boolean;

  constructor(code: GatewayErrorCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.isFirm = options.isFirm ?? false;
    this.status = options.status ?? (this.isFirm ? FIRM : GATEWAY_ERRORS[code]).status;
  }

  /** The same failure for a client that repeats the request although it was told not to. */
  firm(): GatewayError {
    const { code, cause, retryAfterMs } = this;
    const message = `${this.message} This request was repeated too early.`;
    return new GatewayError(code, message, { cause, retryAfterMs, isFirm: true });
  }

  /** Turns anything caught into a GatewayError. An unknown error becomes `internal`, with its cause for the log. */
  static from(error: unknown): GatewayError {
    if (error instanceof GatewayError) return error;
    return new GatewayError('internal', 'The gateway failed on this request. See its log.', {
      cause: error,
    });
  }
}

/** The context of an error answer. */
export interface ErrorBodyContext {
  requestId: string;
  /** Anthropic's shape, for its API. */
  anthropicShape: boolean;
  /** Milliseconds since the epoch. */
  now: number;
}

/** What the error is called in each API's words. */
function namesOf({ code, isFirm, retryAfterMs = 0 }: GatewayError) {
  if (isFirm) return FIRM;
  const names = GATEWAY_ERRORS[code];
  const isQuota = names.type === 'rate_limit_error' && retryAfterMs > LONGEST_RETRY_AFTER_MS;
  return isQuota ? { ...names, type: QUOTA_EXCEEDED } : names;
}

/** The JSON body of an error answer, in the shape the API's clients expect. */
export function errorBody(error: GatewayError, context: ErrorBodyContext): Record<string, unknown> {
  const { type, anthropic, errorType } = namesOf(error);
  const { requestId, anthropicShape, now } = context;
  const { sentence } = retryAdvice(error.retryAfterMs, now);
  const message = sentence === '' ? error.message : `${error.message} ${sentence}`;
  const metadata = {
    source: 'gateway',
    error_type: errorType,
    request_id: requestId,
    reason: error.code,
    ...(error.retryAfterMs === undefined ? {} : { retry_after_ms: error.retryAfterMs }),
  };
  if (anthropicShape) {
    const shaped = { type: anthropic, message, error_type: errorType, metadata };
    return { type: 'error', error: shaped, request_id: requestId };
  }
  return { error: { code: error.status, message, type, metadata } };
}
