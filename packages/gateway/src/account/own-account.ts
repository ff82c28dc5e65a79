import type { KeyView, KmsClient } from '@openrouter-proxy/kms-protocol';
import { DAY_MS } from '@openrouter-proxy/runtime';
import { creditsDocument, keyDocument, type ClientView } from '../endpoints/account-view.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { ANSWERED, endWithError, type RequestEnd } from '../request/request-end.ts';
import type { RequestContext } from '../response/request-context.ts';

/** Free requests a day of an account that has bought no credits (OpenRouter docs, "Limits"). */
const FREE_TIER_A_DAY = 50;

/** The starts of the UTC day, of the week from Monday, and of the calendar month. */
export function periodsAt(now: number): { today: number; week: number; month: number } {
  const date = new Date(now);
  const today = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate());
  const week = today - ((date.getUTCDay() + 6) % 7) * DAY_MS;
  return { today, week, month: Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1) };
}

/** Free requests of today: one entry for each account whose figures are known. */
function freeRequestsOf(keys: readonly KeyView[]): { limit: number; used: number }[] {
  const byAccount = new Map(keys.map(({ account, freeRequests }) => [account, freeRequests.day]));
  return [...byAccount.values()].flatMap(({ limit, used }) =>
    limit === null ? [] : [{ limit, used }],
  );
}

/** The client's own figures. They are of all machines of the pool. */
async function viewOf(kms: KmsClient, client: string, now: number): Promise<ClientView> {
  const costSince = async (since: number) => {
    const { rows } = await kms.call('usage.query', { since, by: 'client' });
    return rows.find(({ name }) => name === client)?.cost ?? 0;
  };
  const { today, week, month } = periodsAt(now);
  const [total, ofToday, ofWeek, ofMonth, { keys }] = await Promise.all([
    ...[costSince(0), costSince(today), costSince(week), costSince(month)],
    kms.call('keys.list', {}),
  ] as const);
  const freeRequests = freeRequestsOf(keys);
  return {
    label: client,
    usage: { total, today: ofToday, week: ofWeek, month: ofMonth },
    limit: null,
    freeRequests,
    isFreeTier:
      freeRequests.length > 0 && freeRequests.every(({ limit }) => limit <= FREE_TIER_A_DAY),
  };
}

/** Answers `GET /key` and `GET /credits` with the client's own figures, in OpenRouter's shape. */
export async function answerOwnAccount(
  { identity, progress, writer }: RequestContext,
  kms: KmsClient,
  now: number,
): Promise<RequestEnd> {
  const { client } = progress.known;
  let view: ClientView;
  try {
    view = await viewOf(kms, client ?? '', now);
  } catch (cause) {
    const message = 'The figures of this client cannot be read at the moment.';
    const options = { cause, retryAfterMs: 1_000 };
    return endWithError(new GatewayError('key_service_unavailable', message, options));
  }
  const isCredits = identity.route?.endpoint.pattern === '/credits';
  const document = isCredits ? creditsDocument(view, null) : keyDocument(view);
  writer.answerJson(200, document, { 'cache-control': 'no-store' });
  return ANSWERED;
}
