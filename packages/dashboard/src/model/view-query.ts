import { DAY_MS, HOUR_MS, MINUTE_MS } from '@openrouter-proxy/runtime/time';
import type { RequestOutcome } from '@openrouter-proxy/kms-protocol';

/** The time ranges of the charts, in milliseconds. */
export const RANGES = {
  '15m': 15 * MINUTE_MS,
  '1h': HOUR_MS,
  '6h': 6 * HOUR_MS,
  '24h': DAY_MS,
} as const;
export type RangeName = keyof typeof RANGES;

/** The result filter of the request list. */
export const OUTCOME_LABEL: Readonly<Record<RequestOutcome, string>> = {
  answered: 'answered',
  refused: 'refused (4xx)',
  failed: 'failed',
  aborted: 'client left',
  running: 'running',
};

/** Filters of the request list; null: no filter. */
export interface RequestChoice {
  readonly outcome: RequestOutcome | null;
  readonly client: string | null;
  readonly key: string | null;
  readonly model: string | null;
}

/** The view that the page's address selects. */
export interface ViewQuery extends RequestChoice {
  readonly range: RangeName;
  /** Requests before this place of the list only; null: the latest. */
  readonly before: number | null;
}

/** The page without a query. */
export const DEFAULT_VIEW: ViewQuery = {
  range: '1h',
  outcome: null,
  client: null,
  key: null,
  model: null,
  before: null,
};

/** The longest values that the key service takes. */
const MAX_LENGTH = { client: 128, key: 300, model: 256 } as const;
const PLACE = /^\d{1,15}$/;

const isRange = (value: string): value is RangeName => Object.hasOwn(RANGES, value);
const isOutcome = (value: string): value is RequestOutcome => Object.hasOwn(OUTCOME_LABEL, value);

/** Reads the query of an address. Invalid parameters are ignored. */
export function parseViewQuery(search: string): ViewQuery {
  const given = new URLSearchParams(search);
  const text = (name: keyof typeof MAX_LENGTH) => {
    const value = (given.get(name) ?? '').trim();
    return value === '' || value.length > MAX_LENGTH[name] ? null : value;
  };
  const range = given.get('range') ?? '';
  const outcome = given.get('outcome') ?? '';
  const before = given.get('before') ?? '';
  return {
    range: isRange(range) ? range : DEFAULT_VIEW.range,
    outcome: isOutcome(outcome) ? outcome : null,
    client: text('client'),
    key: text('key'),
    model: text('model'),
    before: PLACE.test(before) ? Number(before) : null,
  };
}

/** The query's parameters that differ from the default, in a fixed order. */
export function viewParameters(query: ViewQuery): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const name of ['range', 'outcome', 'client', 'key', 'model', 'before'] as const) {
    const value = query[name];
    if (value !== null && value !== DEFAULT_VIEW[name]) parameters.set(name, String(value));
  }
  return parameters;
}

const withQuery = (path: string, parameters: URLSearchParams): string =>
  parameters.size === 0 ? path : `${path}?${parameters.toString()}`;

/** The address of the page with this query; `panel` is scrolled to. */
export function viewAddress(query: ViewQuery, panel?: string): string {
  return withQuery('/metrics', viewParameters(query)) + (panel === undefined ? '' : `#${panel}`);
}

/** The address of the page with this query and a request shown beside it. */
export function requestAddress(query: ViewQuery, requestId: string): string {
  const parameters = viewParameters(query);
  parameters.set('request', requestId);
  return withQuery('/metrics', parameters);
}

/** The address of the live feed for this query. */
export function liveAddress(query: ViewQuery): string {
  return withQuery('/metrics/live', viewParameters(query));
}

/** Whether the list of requests leaves any out. */
export function isFiltered({ outcome, client, key, model }: RequestChoice): boolean {
  return [outcome, client, key, model].some((value) => value !== null);
}
