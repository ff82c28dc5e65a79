import type { GatewayConfiguration } from '@openrouter-proxy/config';
import { parseJson, type Outcome } from '@openrouter-proxy/kms-protocol';
import { itemsOf, type ListQuery } from '../endpoints/object-lists.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { LeaseRequest, Leases } from '../key-service/leases.ts';
import { classifyFailure } from '../outcome/outcome.ts';
import type { RequestIdentity } from '../request/request-progress.ts';
import { getDocument, type DocumentAnswer } from '../upstream/get-document.ts';
import { failureAnswer, failureOutcome, UpstreamFailure } from '../upstream/upstream-failure.ts';
import type { UpstreamEngine } from '../upstream/upstream.ts';

const MAX_BODY = 1024 * 1024;
const PAGE = 100;
/** Pages that are read of one account's list: 2,000 objects. */
const MAX_PAGES = 20;

/** What reads the lists of accounts. */
export interface AccountListDeps {
  readonly engine: UpstreamEngine;
  readonly baseUrl: URL;
  readonly leases: Leases;
  readonly forwarding: Pick<GatewayConfiguration['forwarding'], 'idleTimeoutMs' | 'deadlineMs'>;
}

/** The part of an account's list that is wanted. */
export interface WantedItems {
  readonly account: string;
  /** `/files` or `/batches`. */
  readonly path: string;
  readonly shape: ListQuery['shape'];
  readonly ids: ReadonlySet<string>;
}

type Item = Readonly<Record<string, unknown>>;
type Items = ReadonlyMap<string, Item>;

/** How a list was read: what the key service and the client are told. */
interface ListRead {
  readonly outcome: Outcome;
  readonly result: Items | GatewayError;
}

/** Reads the wanted objects from an account's own list, under a key of the account. */
export async function accountItems(
  deps: AccountListDeps,
  { id: requestId, internalId }: Pick<RequestIdentity, 'id' | 'internalId'>,
  wanted: WantedItems,
  signal: AbortSignal,
): Promise<Items | GatewayError> {
  const { leases, forwarding } = deps;
  const request: LeaseRequest = {
    ...{ requestId, internalId, model: null, api: 'other', client: null, affinity: null },
    ...{ account: wanted.account, exclude: [], excludeAccountsOf: [], waitMs: 0 },
    patienceMs: forwarding.deadlineMs,
  };
  const acquired = await leases.acquire(request, signal);
  if (acquired.kind === 'cancelled') return new GatewayError('upstream_timeout', 'Nobody waits.');
  if (acquired.kind !== 'lease') return acquired.error;
  const { outcome, result } = await readPages(deps, wanted, acquired.lease.secret, signal);
  leases.report(acquired.lease, outcome);
  return result;
}

/** Reads a list page by page until every wanted object is found, or the list ends. */
async function readPages(
  { engine, baseUrl, forwarding }: AccountListDeps,
  { path, shape, ids }: WantedItems,
  secret: string,
  signal: AbortSignal,
): Promise<ListRead> {
  const found = new Map<string, Item>();
  const limits = { maxBytes: MAX_BODY, idleMs: forwarding.idleTimeoutMs };
  let after = '';
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const pagePath = `${path}?limit=${PAGE}&provider=${shape}${after}`;
    const answer = await getDocument(engine, baseUrl, {
      path: pagePath,
      secret,
      signal,
      ...limits,
    });
    if (answer instanceof UpstreamFailure || answer.status !== 200) return failedRead(answer);
    const document = parseJson(answer.body) as { has_more?: unknown } | undefined;
    const items = itemsOf(document);
    for (const [id, item] of items) if (ids.has(id)) found.set(id, item);
    const last = [...items.keys()].at(-1);
    if (found.size === ids.size || document?.has_more !== true || last === undefined) break;
    after = `&after=${encodeURIComponent(last)}`;
  }
  return { outcome: { kind: 'success', status: 200 }, result: found };
}

function failedRead(answer: DocumentAnswer | UpstreamFailure): ListRead {
  if (answer instanceof UpstreamFailure) {
    return { outcome: failureOutcome(answer), result: failureAnswer(answer) };
  }
  const outcome = classifyFailure({ ...answer, status: answer.status < 400 ? 502 : answer.status });
  const message = `OpenRouter answered ${answer.status} when it was asked for a list.`;
  return { outcome, result: new GatewayError('upstream_failed', message) };
}
