import type { Key } from '../accounts/key.ts';

/** An HTTP answer that is an error. */
export interface ErrorAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** The error inside OpenRouter's envelope. */
export interface ErrorObject {
  message: string;
  code: number;
  metadata?: Record<string, unknown>;
  /** Why nobody can serve, where it is that. */
  availability?: { code: string; retry_after?: number };
}

/** An error in OpenRouter's envelope. */
export function answer(
  error: ErrorObject,
  options: { userId?: string | undefined; headers?: Record<string, string> } = {},
): ErrorAnswer {
  const { userId, headers = {} } = options;
  const body = JSON.stringify({ error, ...(userId === undefined ? {} : { user_id: userId }) });
  return { status: error.code, headers: { 'content-type': 'application/json', ...headers }, body };
}

/** What a family's answer depends on. */
export interface ErrorContext {
  key?: Key | undefined;
  model: string;
  now: number;
}
