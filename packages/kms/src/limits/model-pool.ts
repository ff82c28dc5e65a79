import { isFreeModel } from '@openrouter-proxy/kms-protocol';

/** The quota that a request counts against: that of `:free` models, or the account's credits. */
export type RequestPool = 'free' | 'paid';

/** The pool of a model. A request without a model counts as paid: paid limits are stricter. */
export function poolOf(model: string | null): RequestPool {
  return model !== null && isFreeModel(model) ? 'free' : 'paid';
}
