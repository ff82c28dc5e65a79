import type { Api } from '@openrouter-proxy/kms-protocol';
import {
  conversationInBody,
  conversationInHeader,
  conversationReaders,
  type ReadMember,
} from '../request/conversation.ts';
import type { Exchange } from '../http/exchange.ts';
import type { ForwardPolicy } from './forward-parts.ts';
import { modelReaders, paidModel } from '../request/free-models.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { extrasReaders } from '../request/request-extras.ts';
import { ScalarReader } from '../request/member-readers.ts';
import type { MemberReader } from '../request/member-reader.ts';
import type { RequestBody } from '../request/request-body.ts';

/** The longest model name that is looked at. */
const MAX_MODEL = 256;

/** What reads the members of a body that a policy depends on. */
export function readersFor({
  affinity,
  freeOnly,
}: Pick<ForwardPolicy, 'affinity' | 'freeOnly'>): Record<string, MemberReader> {
  return {
    ...extrasReaders(),
    ...(affinity ? conversationReaders() : {}),
    ...(freeOnly ? modelReaders() : { model: new ScalarReader() }),
    stream: new ScalarReader(),
  };
}

/** The members of a whole body, once it is there; null: it cannot be kept, and the rest comes only while it is sent. */
export async function readMembers(body: RequestBody): Promise<ReadMember | null> {
  return (await body.isRead()) ? (name) => body.member(name) : null;
}

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

/** The conversation a request belongs to; null if it cannot be told. Waits for the whole body, unless a header tells. */
export async function readConversation(
  { api, request }: Exchange,
  body: RequestBody,
): Promise<string | null> {
  if (api === null || api === 'other') return null;
  const named = conversationInHeader(request.headers);
  if (named !== null) return named;
  const member = await readMembers(body);
  return member && conversationInBody(member);
}

/** Refuses a request for a model that is not free. Waits for the whole body. */
export async function refusePaidModel({ request }: Exchange, body: RequestBody): Promise<void> {
  if (request.method !== 'POST') return;
  const member = await readMembers(body);
  if (member === null) {
    throw new GatewayError(
      'body_too_large',
      'This gateway serves free models only (openrouter.free_only), and the body is too large to be checked for its model.',
    );
  }
  const model = body.isObject ? paidModel(member) : 'unknown';
  if (model === null) return;
  throw new GatewayError(
    'paid_model',
    `This gateway serves free models only (openrouter.free_only): ${model} is not one of them.`,
  );
}
