import { isFree } from './free-models.ts';
import type { Refusal } from './outcome.ts';

/** What OpenRouter charges for beside the tokens of a model (docs, "Plugins", "Web search", "Server tools"). */
const PAID_EXTRAS = ['"plugins"', '"web_search_options"', '"openrouter:', ':online"'];
/** Where a request narrows the choice of providers itself (docs, "Provider routing", "Presets"). */
const NARROWING = ['"provider"', '"preset"', '@preset/'];

/** Whether what a request adds to its model may be the reason of such a refusal. */
export function mayConcernExtras({ kind }: Pick<Refusal, 'kind'>, model: string | null): boolean {
  if (kind === 'account_policy') return true;
  return kind === 'credits_exhausted' && model !== null && isFree(model);
}

/**
 * Blames a refusal on the request where that asks for more than its model: a free model costs nothing,
 * so a 402 is about the extras, and credits could pay for those (`credits_short`); a policy may be about
 * the request's own choice of providers. `body`: null if it is not known.
 */
export function attributed(refusal: Refusal, model: string | null, body: string | null): Refusal {
  if (!mayConcernExtras(refusal, model)) return refusal;
  const asksFor = (members: readonly string[]) =>
    body === null || members.some((member) => body.includes(member));
  if (refusal.kind === 'account_policy') {
    return asksFor(NARROWING) ? { ...refusal, isNarrowed: true } : refusal;
  }
  return asksFor(PAID_EXTRAS) ? { ...refusal, kind: 'credits_short' } : refusal;
}
