import type { UsageDimension, UsageTotals } from '@openrouter-proxy/kms-protocol';

/** The columns that are added up. */
export const COUNTED = [
  'answered',
  'failed',
  'unknown',
  'sent',
  'received',
  'cached',
  'reasoning',
  'cost',
] as const satisfies readonly (keyof UsageTotals)[];

export const SUMS = COUNTED.map((column) => `SUM(${column}) AS ${column}`).join(', ');

/** Their definitions, for CREATE TABLE. */
export const COUNTED_COLUMNS = COUNTED.map(
  (column) => `${column} ${column === 'cost' ? 'REAL' : 'INTEGER'} NOT NULL`,
).join(', ');

/** The column of each dimension. */
export const COLUMN: Readonly<Record<UsageDimension, string>> = {
  key: 'key_id',
  model: 'model',
  client: 'client',
  day: 'day',
};

/** Totals of which each figure is given by its name. */
export function totalsOf(figure: (name: keyof UsageTotals) => number): UsageTotals {
  return {
    answered: figure('answered'),
    failed: figure('failed'),
    unknown: figure('unknown'),
    sent: figure('sent'),
    received: figure('received'),
    cached: figure('cached'),
    reasoning: figure('reasoning'),
    cost: figure('cost'),
  };
}
