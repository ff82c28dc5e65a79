/** The router that picks among the `:free` models (OpenRouter docs, "Free models router"). */
const FREE_ROUTER = 'openrouter/free';

/**
 * Whether a model is free: its id ends in `:free`. A price of "0" does not make a model free: many paid
 * models show it (OpenRouter docs, "Free variant").
 */
export const isFreeModel = (model: string): boolean =>
  model.endsWith(':free') || model === FREE_ROUTER;
