import {
  conversationInBody,
  conversationInHeader,
  conversationReaders,
  type ReadMember,
} from '../body/conversation.ts';
import type { RequestContext } from '../response/request-context.ts';
import type { LeaseRequest } from '../key-service/leases.ts';
import type { Exclusions } from './exclusions.ts';
import type { ForwardSettings } from './forward-deps.ts';
import { modelReaders, paidModel } from '../body/free-models.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { extrasReaders } from '../body/request-extras.ts';
import { ScalarReader } from '../body/member-readers.ts';
import type { MemberReader } from '../body/member-reader.ts';
import type { RequestBody } from '../body/request-body.ts';

/** The longest model name that is read. */
const MAX_MODEL = 256;

/** Readers of the members of a body that the settings need. */
export function readersFor({
  affinity,
  freeOnly,
  presets,
}: ForwardSettings['rules']): Record<string, MemberReader> {
  return {
    ...extrasReaders(),
    ...(affinity ? conversationReaders() : {}),
    ...(freeOnly ? modelReaders() : { model: new ScalarReader() }),
    ...(Object.keys(presets).length > 0 ? { preset: new ScalarReader() } : {}),
    stream: new ScalarReader(),
  };
}

/** The members of a whole body, once it has been read; null: it cannot be kept, and the rest comes only while it is sent. */
export async function readMembers(body: RequestBody): Promise<ReadMember | null> {
  return (await body.isRead()) ? (name) => body.member(name) : null;
}

/** Notes the model that a request names, as soon as it has arrived. */
export async function readModel(
  { identity: { api }, progress }: RequestContext,
  body: RequestBody,
): Promise<void> {
  if (api === null || api === 'other') return;
  await body.namesModel();
  const model = body.member('model');
  if (typeof model === 'string' && model.length <= MAX_MODEL) progress.modelNamed(model);
}

/** The path of token counts, which OpenRouter does not count as requests to a model. */
const TOKEN_COUNT = /\/count_tokens\/?(?:\?|$)/;

/** What the choice of a key depends on, beside the request itself. */
export interface LeaseWish {
  readonly path: string;
  readonly exclusions: Exclusions;
  readonly affinity: string | null;
  readonly account: string | null;
  /** How long the request may wait for a key, and for anything, in milliseconds. */
  readonly waitMs: number;
  readonly patienceMs: number;
}

/** The request for a lease. Only inference counts as a request to a model. */
export function leaseRequest(
  { identity: { id, internalId, method, api }, progress }: RequestContext,
  { path, exclusions, affinity, account, waitMs, patienceMs }: LeaseWish,
): LeaseRequest {
  const { model, client } = progress.known;
  const isInference =
    method === 'POST' && api !== null && api !== 'other' && !TOKEN_COUNT.test(path);
  return {
    ...{ requestId: id, internalId, client },
    model: isInference ? model : null,
    api: isInference ? api : 'other',
    exclude: exclusions.keys,
    excludeAccountsOf: exclusions.accountsOf,
    ...{ affinity, account, waitMs, patienceMs },
  };
}

/** Whether a request asks for a stream, as far as its body has arrived. */
export function asksForStream({ identity: { api } }: RequestContext, body: RequestBody): boolean {
  return api !== null && api !== 'other' && body.member('stream') === true;
}

/** The conversation that a request belongs to; null: unknown. Waits for the whole body, unless a header names it. */
export async function readConversation(
  { identity: { api }, request }: RequestContext,
  body: RequestBody,
): Promise<string | null> {
  if (api === null || api === 'other') return null;
  const named = conversationInHeader(request.headers);
  if (named !== null) return named;
  const member = await readMembers(body);
  return member && conversationInBody(member);
}

/** Refuses a request for a model that is not free. Waits for the whole body. Null: it may go on. */
export async function refusePaidModel(
  { identity: { method } }: RequestContext,
  body: RequestBody,
): Promise<GatewayError | null> {
  if (method !== 'POST') return null;
  const member = await readMembers(body);
  if (member === null) {
    return new GatewayError(
      'body_too_large',
      'This gateway serves free models only (openrouter.free_only), and the body is too large to be checked for its model.',
    );
  }
  const model = body.isObject ? paidModel(member) : 'unknown';
  if (model === null) return null;
  return new GatewayError(
    'paid_model',
    `This gateway serves free models only (openrouter.free_only): ${model} is not one of them.`,
  );
}
