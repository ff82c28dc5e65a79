import type { Result, UsageRow } from '@openrouter-proxy/kms-protocol';
import { UNNAMED, formatCost } from '@openrouter-proxy/kms-protocol/words';
import { printJson, type Command, type Context } from './command.ts';
import { withKms } from '../connection/connection.ts';
import { Failure, type Ending } from '../connection/failure.ts';
import { when } from '../terminal/instant.ts';
import { count } from '../terminal/number.ts';
import { table, type Column } from '../terminal/table.ts';
import { readTime } from '../arguments/time-argument.ts';

const DIMENSIONS = ['key', 'model', 'client', 'day'] as const;
type Dimension = (typeof DIMENSIONS)[number];

const isDimension = (value: unknown): value is Dimension =>
  DIMENSIONS.some((known) => known === value);

export const usage: Command = {
  name: 'usage',
  summary: 'Tokens and cost, by OpenRouter’s own count, in UTC days',
  options: [
    {
      flags: '--since <time>',
      description: 'how far back: 7d, 24h, or seconds; today if left out',
    },
    {
      flags: '--by <what>',
      description: 'told apart by key, model, client or day',
      choices: DIMENSIONS,
    },
    {
      flags: '--machine',
      description: 'only what this machine used, where several share the pool through Redis',
    },
  ],
  examples: [
    ['kms usage', 'today, by key'],
    ['kms usage --machine', 'today, on this machine alone'],
    ['kms usage --since 7d --by model', 'where the last week’s tokens went'],
  ],
  json: 'the result of `usage.query`',
  run: async (context, _argument, { since, by = 'key', machine }) => {
    if (!isDimension(by))
      throw new Failure('usage', `--by must be one of ${DIMENSIONS.join(', ')}.`);
    const backMs = since === undefined ? 0 : await readTime('--since', since);
    return withKms(context.where, context.io, async (kms): Promise<Ending> => {
      const now = context.io.now();
      const of = machine === true ? 'machine' : 'pool';
      const found = await kms.call('usage.query', { since: now - backMs, by, of });
      if (context.json) printJson(context, found);
      else context.io.out(usageText(found.rows, by, context) + poolText(found, now));
      return 'done';
    });
  },
};

/** Names the number of machines in the rows, if there are several. */
function poolText({ machines, sharedAt }: Result<'usage.query'>, now: number): string {
  if (machines === 1) return '';
  const asOf = sharedAt === null ? 'read before this start' : `read ${when(sharedAt, now)}`;
  return `Of ${count(machines)} machines that share the pool, ${asOf}. Of this one: --machine\n`;
}

/** The rows as a table, and their sum. */
function usageText(rows: readonly UsageRow[], by: Dimension, { io, paint }: Context): string {
  if (rows.length === 0) return 'Nothing was used.\n';
  const sum = (of: keyof Omit<UsageRow, 'name'>) => rows.reduce((all, row) => all + row[of], 0);
  const number = (title: string): Column => ({ title, align: 'right' });
  const columns: Column[] = [
    { title: by.toUpperCase(), shrinksTo: 12 },
    ...['ANSWERED', 'FAILED', 'SENT', 'CACHED', 'RECEIVED', 'UNKNOWN', 'COST'].map(number),
  ];
  const cells = (row: Omit<UsageRow, 'name'>) => [
    ...[row.answered, row.failed, row.sent, row.cached, row.received, row.unknown].map(count),
    formatCost(row.cost),
  ];
  const total = {
    ...{ answered: sum('answered'), failed: sum('failed'), sent: sum('sent') },
    ...{ cached: sum('cached'), received: sum('received'), reasoning: sum('reasoning') },
    ...{ unknown: sum('unknown'), cost: sum('cost') },
  };
  const lines = rows.map((row) => [row.name === '' ? UNNAMED : row.name, ...cells(row)]);
  const last = [{ text: 'in all', tone: 'strong' as const }, ...cells(total)];
  return table(columns, rows.length > 1 ? [...lines, last] : lines, { width: io.columns, paint });
}
