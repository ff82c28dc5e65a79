/** Every failure the gateway answers by itself: the status, the `type` clients read, and Anthropic's name for it. */
export const GATEWAY_ERRORS = {
  bad_request: { status: 400, type: 'invalid_request_error', anthropic: 'invalid_request_error' },
  unauthorized: { status: 401, type: 'authentication_error', anthropic: 'authentication_error' },
  paid_model: { status: 403, type: 'permission_error', anthropic: 'permission_error' },
  not_found: { status: 404, type: 'not_found_error', anthropic: 'not_found_error' },
  method_not_allowed: {
    status: 405,
    type: 'invalid_request_error',
    anthropic: 'invalid_request_error',
  },
  request_timeout: { status: 408, type: 'timeout_error', anthropic: 'timeout_error' },
  body_too_large: { status: 413, type: 'invalid_request_error', anthropic: 'request_too_large' },
  expectation_failed: {
    status: 417,
    type: 'invalid_request_error',
    anthropic: 'invalid_request_error',
  },
  upgrade_required: {
    status: 426,
    type: 'invalid_request_error',
    anthropic: 'invalid_request_error',
  },
  keys_limited: { status: 429, type: 'rate_limit_error', anthropic: 'rate_limit_error' },
  too_many_wrong_keys: {
    status: 429,
    type: 'rate_limit_error',
    anthropic: 'rate_limit_error',
  },
  model_limited: { status: 429, type: 'rate_limit_error', anthropic: 'overloaded_error' },
  headers_too_large: {
    status: 431,
    type: 'invalid_request_error',
    anthropic: 'invalid_request_error',
  },
  internal: { status: 500, type: 'api_error', anthropic: 'api_error' },
  upstream_unreachable: { status: 502, type: 'upstream_error', anthropic: 'api_error' },
  upstream_failed: { status: 502, type: 'upstream_error', anthropic: 'api_error' },
  no_usable_key: { status: 503, type: 'service_unavailable', anthropic: 'overloaded_error' },
  key_refused: { status: 503, type: 'service_unavailable', anthropic: 'overloaded_error' },
  key_service_unavailable: {
    status: 503,
    type: 'service_unavailable',
    anthropic: 'overloaded_error',
  },
  upstream_blocked: { status: 503, type: 'service_unavailable', anthropic: 'overloaded_error' },
  overloaded: { status: 503, type: 'service_unavailable', anthropic: 'overloaded_error' },
  shutting_down: { status: 503, type: 'service_unavailable', anthropic: 'overloaded_error' },
  upstream_timeout: { status: 504, type: 'timeout_error', anthropic: 'timeout_error' },
} as const;

/** The name of a failure. */
export type GatewayErrorCode = keyof typeof GATEWAY_ERRORS;

/** A failure that ends a request with an answer of the gateway's own. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: GatewayErrorCode;
  /** Set when waiting helps, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: GatewayErrorCode,
    message: string,
    options: { retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }

  get status(): number {
    return GATEWAY_ERRORS[this.code].status;
  }

  /** Turns anything caught into a GatewayError; what is unknown becomes `internal`, its cause kept for the log. */
  static from(error: unknown): GatewayError {
    if (error instanceof GatewayError) return error;
    return new GatewayError('internal', 'The gateway failed on this request. See its log.', {
      cause: error,
    });
  }
}

/** The JSON body of an error answer, in the shape the API's clients expect. */
export function errorBody(
  error: GatewayError,
  requestId: string,
  anthropicShape: boolean,
): Record<string, unknown> {
  const { status, type, anthropic } = GATEWAY_ERRORS[error.code];
  const metadata = {
    source: 'gateway',
    request_id: requestId,
    reason: error.code,
    ...(error.retryAfterMs === undefined ? {} : { retry_after_ms: error.retryAfterMs }),
  };
  if (anthropicShape) {
    const shaped = { type: anthropic, message: error.message, metadata };
    return { type: 'error', error: shaped, request_id: requestId };
  }
  return { error: { code: status, message: error.message, type, metadata } };
}
