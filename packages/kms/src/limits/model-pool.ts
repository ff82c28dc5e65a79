/** Whose allowance a request counts against: that of `:free` models, or the account's credits. */
export type RequestPool = 'free' | 'paid';

/**
 * The pool of a model. The router `openrouter/free` picks among `:free` models (OpenRouter docs, "Free
 * models router"); a model nobody named counts as paid, whose limits are narrower.
 */
export function poolOf(model: string | null): RequestPool {
  const isFree = model !== null && (model.endsWith(':free') || model === 'openrouter/free');
  return isFree ? 'free' : 'paid';
}
