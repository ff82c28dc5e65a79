import { retryAdvice } from './retry-advice.ts';

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

/** The name of a failure. */
export type GatewayErrorCode = keyof typeof GATEWAY_ERRORS;

/** A failure that ends a request with an answer of the gateway's own. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: GatewayErrorCode;
  /** Set when waiting helps, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** Its code's, unless it passes on the status of an answer. */
  readonly status: number;

  constructor(
    code: GatewayErrorCode,
    message: string,
    options: { retryAfterMs?: number | undefined; cause?: unknown; status?: number } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.status = options.status ?? GATEWAY_ERRORS[code].status;
  }

  /** Turns anything caught into a GatewayError; what is unknown becomes `internal`, its cause kept for the log. */
  static from(error: unknown): GatewayError {
    if (error instanceof GatewayError) return error;
    return new GatewayError('internal', 'The gateway failed on this request. See its log.', {
      cause: error,
    });
  }
}

/** What an error answer names beside the error. */
export interface ErrorBodyContext {
  requestId: string;
  /** Anthropic's shape, for its API. */
  anthropicShape: boolean;
  /** Milliseconds since the epoch. */
  now: number;
}

/** The JSON body of an error answer, in the shape the API's clients expect. */
export function errorBody(error: GatewayError, context: ErrorBodyContext): Record<string, unknown> {
  const { type, anthropic, errorType } = GATEWAY_ERRORS[error.code];
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
