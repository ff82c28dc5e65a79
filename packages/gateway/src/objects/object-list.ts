import type { OwnedObject } from '@openrouter-proxy/kms-protocol';
import { listDocument, pageOf, readListQuery, type ObjectPage } from '../endpoints/object-lists.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { ObjectOwners } from '../key-service/object-owners.ts';
import { ANSWERED, endWithError, type RequestEnd } from '../request/request-end.ts';
import type { RequestContext } from '../response/request-context.ts';
import { accountItems, type AccountListDeps } from './account-list.ts';

/** The kinds of objects that OpenRouter lists for an account. */
export type ListedKind = 'file' | 'batch';

/** The path of each list below the base URL. */
const PATHS: Readonly<Record<ListedKind, string>> = { file: '/files', batch: '/batches' };

/** What lists of objects are made of. */
export interface ObjectListDeps extends AccountListDeps {
  readonly owners: ObjectOwners;
}

/** Answers a list of objects with those of the client only, merged over all accounts. */
export async function answerObjectList(
  context: RequestContext,
  { kind, query: text }: { readonly kind: ListedKind; readonly query: string },
  deps: ObjectListDeps,
): Promise<RequestEnd> {
  const query = readListQuery(new URLSearchParams(text));
  if (typeof query === 'string') return endWithError(new GatewayError('bad_request', query));
  const { client } = context.progress.known;
  const objects = client === null ? [] : await deps.owners.all(kind, client);
  if (objects === null) return endWithError(unavailable());
  const page = pageOf(objects, query);
  if (page === null) return endWithError(new GatewayError('bad_request', UNKNOWN_CURSOR));
  const items = await itemsOf(context, page, { path: PATHS[kind], shape: query.shape }, deps);
  if (items instanceof GatewayError) return endWithError(items);
  context.writer.answerJson(200, listDocument(page, items, { kind, shape: query.shape }));
  return ANSWERED;
}

const UNKNOWN_CURSOR = 'The list cannot go on from there: this client has no such object.';

function unavailable(): GatewayError {
  const message = 'The objects of this client cannot be looked up at the moment.';
  return new GatewayError('key_service_unavailable', message, { retryAfterMs: 1_000 });
}

/** The documents of a page, from the lists of the accounts that have its objects. */
async function itemsOf(
  { identity, writer }: RequestContext,
  { objects }: ObjectPage<OwnedObject>,
  list: { readonly path: string; readonly shape: 'openrouter' | 'openai' | 'anthropic' },
  deps: ObjectListDeps,
): Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>> | GatewayError> {
  const gone = new AbortController();
  writer.response.once('close', () => gone.abort());
  const deadline = AbortSignal.timeout(deps.forwarding.deadlineMs);
  const signal = AbortSignal.any([gone.signal, deadline]);
  const byAccount = Map.groupBy(objects, ({ account }) => account);
  const lists = await Promise.all(
    [...byAccount].map(([account, owned]) =>
      accountItems(
        deps,
        identity,
        { ...list, account, ids: new Set(owned.map(({ id }) => id)) },
        signal,
      ),
    ),
  );
  const failed = lists.find((items) => items instanceof GatewayError);
  if (failed !== undefined) return failed;
  return new Map(lists.flatMap((items) => (items instanceof GatewayError ? [] : [...items])));
}
