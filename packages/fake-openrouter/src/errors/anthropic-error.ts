import type { ErrorAnswer, ErrorObject } from './error-answer.ts';

/** Anthropic's names for statuses. */
const ANTHROPIC_TYPES: Record<number, string> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** The same error in the shape of `/messages`. */
export function inAnthropicShape(error: ErrorAnswer): ErrorAnswer {
  if (!error.body.startsWith('{')) return error;
  const { error: inner } = JSON.parse(error.body) as { error: ErrorObject };
  const fallback = error.status < 500 ? 'invalid_request_error' : 'api_error';
  const body = {
    type: 'error',
    error: { type: ANTHROPIC_TYPES[error.status] ?? fallback, message: inner.message },
    request_id: null,
    ...(inner.metadata === undefined ? {} : { metadata: inner.metadata }),
  };
  return { ...error, body: JSON.stringify(body) };
}
