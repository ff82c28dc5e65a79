import { generationId } from '../models/completion.ts';
import type { ErrorAnswer } from '../errors/error-answer.ts';
import { limitReached } from '../inference/inference.ts';
import { charge } from '../accounts/key.ts';
import { isFree } from '../models/model-catalog.ts';
import type { KeyedCall } from '../routes/route.ts';

/** The refusal for the sake of the account's money, the key's cap or the free limits, if there is one. */
export function refusedMedia({ exchange, key, now }: KeyedCall): ErrorAnswer | undefined {
  return limitReached(key, { key, model: exchange.record.model ?? 'openrouter/auto', now }, false);
}

/** Charges a request that is no chat, and remembers it as a generation. Gives its id and what it cost. */
export function bill(
  call: KeyedCall,
  { cost, sent, received, type }: { cost: number; sent: number; received: number; type: string },
): { id: string; cost: number } {
  const { exchange, state, key, now } = call;
  const model = exchange.record.model ?? 'openrouter/auto';
  const charged = isFree(model) ? 0 : cost;
  charge(key, charged, now);
  exchange.record.billed = { sent, received, cost: charged };
  const id = generationId(now);
  state.rememberGeneration({
    ...{ id, account: key.account, model, provider: 'Fake', created: Math.floor(now / 1000) },
    ...{ cost: charged, promptTokens: sent, completionTokens: received, reasoningTokens: 0 },
    ...{ streamed: false, type, prompt: exchange.record.body.slice(0, 2_000), answer: null },
  });
  state.creations.add(type, id, call);
  return { id, cost: charged };
}
