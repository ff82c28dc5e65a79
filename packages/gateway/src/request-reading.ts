import type { Api } from '@openrouter-proxy/kms-protocol';
import { conversationOf } from './conversation.ts';
import type { Exchange } from './exchange.ts';
import { paidModel } from './free-models.ts';
import { GatewayError } from './gateway-error.ts';
import type { RequestBody } from './request-body.ts';

/** The longest model name that is looked at. */
const MAX_MODEL = 256;

/** Notes the model a request names, as soon as its body has. */
export async function readModel(exchange: Exchange, body: RequestBody): Promise<void> {
  if (exchange.api === null || exchange.api === 'other') return;
  await body.namesModel();
  const model = body.member('model');
  if (typeof model === 'string' && model.length <= MAX_MODEL) exchange.model = model;
}

/** Counts the tokens of a prompt: OpenRouter counts it as no request to a model. */
const TOKEN_COUNT = /\/count_tokens\/?(?:\?|$)/;

/** What a lease is wanted for: only inference counts as a request to a model. */
export function leasePurpose(
  { request, api, model }: Exchange,
  path: string,
): { model: string | null; api: Api } {
  const isInference =
    request.method === 'POST' && api !== null && api !== 'other' && !TOKEN_COUNT.test(path);
  return isInference ? { model, api } : { model: null, api: 'other' };
}

/** The conversation a request belongs to; null if it cannot be told. Waits for the whole body. */
export async function readConversation(
  { api, request }: Exchange,
  body: RequestBody,
): Promise<string | null> {
  if (api === null || api === 'other') return null;
  return conversationOf(request.headers, await body.text());
}

/** Refuses a request for a model that is not free. Waits for the whole body. */
export async function refusePaidModel({ request }: Exchange, body: RequestBody): Promise<void> {
  if (request.method !== 'POST') return;
  const text = await body.text();
  if (text === null) {
    throw new GatewayError(
      'body_too_large',
      'This gateway serves free models only (openrouter.free_only), and the body is too large to be checked for its model.',
    );
  }
  const model = paidModel(text);
  if (model === null) return;
  throw new GatewayError(
    'paid_model',
    `This gateway serves free models only (openrouter.free_only): ${model} is not one of them.`,
  );
}
