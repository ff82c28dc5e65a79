import { isFreeModel } from '@openrouter-proxy/kms-protocol';
import type { ReadMember } from './conversation.ts';
import { ShortValueReader, WordReader } from './member-readers.ts';
import type { MemberReader } from './member-reader.ts';
import type { Refusal } from '../outcome/outcome.ts';

/** Members that OpenRouter charges for beside the tokens of a model (docs, "Plugins", "Web search"). */
const PAID_EXTRAS = ['plugins', 'web_search_options'];
/** Members that narrow the choice of providers (docs, "Provider routing", "Presets"). */
const NARROWING = ['provider', 'preset'];
/** The beginning of the type of a tool that OpenRouter runs and charges for (docs, "Server tools"). */
const SERVER_TOOL = '"openrouter:';

/** Readers of the members that ask for more than the model. */
export function extrasReaders(): Record<string, MemberReader> {
  return {
    ...Object.fromEntries([...PAID_EXTRAS, ...NARROWING].map((name) => [name, new WordReader('')])),
    tools: new WordReader(SERVER_TOOL),
    models: new ShortValueReader(),
  };
}

/** Whether a request's extras may be the reason of such a refusal. */
export function mayConcernExtras({ kind }: Pick<Refusal, 'kind'>, model: string | null): boolean {
  if (kind === 'account_policy') return true;
  return kind === 'credits_exhausted' && model !== null && isFreeModel(model);
}

/**
 * Attributes a refusal to the request if the request asks for more than its model. A free model costs nothing,
 * so a 402 is about the extras, which credits could pay for (`credits_short`). A policy may be about
 * the request's own choice of providers. `member`: null if the body is unknown.
 */
export function attributed(
  refusal: Refusal,
  model: string | null,
  member: ReadMember | null,
): Refusal {
  if (!mayConcernExtras(refusal, model)) return refusal;
  const has = (name: string) => member === null || member(name) === true;
  const isNamed = (mark: string) => `${model} ${JSON.stringify(member?.('models'))}`.includes(mark);
  if (refusal.kind === 'account_policy') {
    const isNarrowed = NARROWING.some(has) || isNamed('@preset/');
    return isNarrowed ? { ...refusal, isNarrowed } : refusal;
  }
  const isPaid = PAID_EXTRAS.some(has) || has('tools') || isNamed(':online');
  return isPaid ? { ...refusal, kind: 'credits_short' } : refusal;
}
