import {
  MAX_RECENT,
  type RequestFilter,
  type RequestOutcome,
  type RequestView,
} from '@openrouter-proxy/kms-protocol';
import { formatCost } from '@openrouter-proxy/kms-protocol/words';
import { printJson, type Command, type Context, type Options } from './command.ts';
import { withKms, type Kms } from '../connection/connection.ts';
import { Failure, type Ending } from '../connection/failure.ts';
import { findKey } from '../arguments/find-key.ts';
import { keysTried, requestInWords, shortRequestId } from '../words/request-words.ts';
import { clockTime, span } from '../terminal/instant.ts';
import { table, type Column } from '../terminal/table.ts';
import { readTime } from '../arguments/time-argument.ts';

const OUTCOMES = ['answered', 'refused', 'failed', 'aborted', 'running'] as const;

/** The default and the maximum of `--limit`. */
const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 5_000;

const COLUMNS: readonly Column[] = [
  { title: 'TIME' },
  { title: 'REQUEST', shrinksTo: 8 },
  { title: 'CLIENT', shrinksTo: 6 },
  { title: 'MODEL', shrinksTo: 12 },
  { title: 'KEYS', shrinksTo: 8 },
  { title: 'RESULT', shrinksTo: 12 },
  { title: 'TOOK', align: 'right' },
  { title: 'COST', align: 'right' },
];

export const requests: Command = {
  name: 'requests',
  summary: 'The last requests, the latest first: who asked, which keys were tried, how it ended',
  options: [
    { flags: '--failed', description: 'only requests without a good answer: refused and failed' },
    { flags: '--outcome <what>', description: 'only these', choices: OUTCOMES },
    { flags: '--client <name>', description: 'only requests of this client' },
    { flags: '--key <key>', description: 'only requests that tried this key' },
    { flags: '--model <name>', description: 'only this model; its author may be left out' },
    { flags: '--since <time>', description: 'how far back: 10m, 4h, or seconds' },
    { flags: '--limit <count>', description: `how many at most; ${DEFAULT_LIMIT} if left out` },
  ],
  examples: [
    ['kms requests', `the last ${DEFAULT_LIMIT}`],
    ['kms requests --failed --since 1h', 'what went wrong in the last hour'],
    ['kms requests --client laptop --limit 100', 'what one client asked'],
  ],
  json: 'the result of `requests.recent`, all pages together, without `next`',
  run: async (context, _argument, options) => {
    const limit = readLimit(options['limit']);
    const filter = await readFilter(options, context.io.now());
    return withKms(context.where, context.io, async (kms): Promise<Ending> => {
      const found = await findRequests(kms, filter, limit);
      if (context.json) printJson(context, { requests: found });
      else context.io.out(requestsText(found, context));
      return 'done';
    });
  },
};

function readLimit(value: Options[string]): number {
  if (value === undefined) return DEFAULT_LIMIT;
  const limit = /^\d{1,4}$/.test(String(value)) ? Number(value) : 0;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new Failure('usage', `--limit must be a number from 1 to ${MAX_LIMIT}.`);
}

const isOutcome = (value: unknown): value is RequestOutcome =>
  OUTCOMES.some((known) => known === value);

function readOutcomes({ failed, outcome }: Options): RequestOutcome[] | undefined {
  if (failed === true && outcome !== undefined)
    throw new Failure('usage', '--failed and --outcome exclude each other: leave one out.');
  if (failed === true) return ['refused', 'failed'];
  return isOutcome(outcome) ? [outcome] : undefined;
}

async function readFilter(options: Options, now: number): Promise<RequestFilter> {
  const { since } = options;
  return {
    outcomes: readOutcomes(options),
    client: readName('--client', options['client'], 128),
    key: readName('--key', options['key'], 300),
    model: readName('--model', options['model'], 256),
    since: since === undefined ? undefined : now - (await readTime('--since', since)),
  };
}

function readName(flag: string, value: Options[string], longest: number): string | undefined {
  if (typeof value !== 'string' || value.length <= longest) return value?.toString();
  throw new Failure('usage', `${flag} takes at most ${longest} characters.`);
}

/** Requests that match the filter. The key may be one that is no longer configured. */
async function findRequests(
  kms: Kms,
  filter: RequestFilter,
  limit: number,
): Promise<RequestView[]> {
  const { key } = filter;
  if (key === undefined) return allPages(kms, filter, limit);
  try {
    const { keyId } = await findKey(kms, key);
    return await allPages(kms, { ...filter, key: keyId }, limit);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const found = await allPages(kms, filter, limit);
    if (found.length === 0) throw error;
    return found;
  }
}

async function allPages(kms: Kms, filter: RequestFilter, limit: number): Promise<RequestView[]> {
  const found: RequestView[] = [];
  let before: number | undefined;
  for (;;) {
    const pageLimit = Math.min(MAX_RECENT, limit - found.length);
    const page = await kms.call('requests.recent', { ...filter, limit: pageLimit, before });
    found.push(...page.requests);
    if (page.next === null || found.length >= limit) return found;
    before = page.next;
  }
}

function requestsText(found: readonly RequestView[], { io, paint }: Context): string {
  if (found.length === 0) return 'No remembered request matches.\n';
  const now = io.now();
  const rows = found.map((request) => {
    const { at, client, model, end } = request;
    return [
      { text: clockTime(at, now), tone: 'quiet' as const },
      shortRequestId(request.requestId),
      client ?? '–',
      model ?? '–',
      keysTried(request),
      requestInWords(request),
      end === null ? span(now - at) : span(end.totalMs),
      end?.usage ? formatCost(end.usage.cost) : '–',
    ];
  });
  return table(COLUMNS, rows, { width: io.columns, paint });
}
