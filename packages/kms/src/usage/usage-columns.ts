import type { UsageDimension, UsageTotals } from '@openrouter-proxy/kms-protocol';

/** The columns that are summed up. */
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

/** The largest total: further additions do not change it. */
const MAX_TOTAL = Number.MAX_SAFE_INTEGER;

/** Adds within the range that JavaScript and SQLite read without loss. */
export const plus = (total: number, added: number) =>
  Math.min(MAX_TOTAL, Math.max(0, total + added));

/** An SQL expression of a column's figure, within the same range. */
const bounded = (expression: string, column: string) => {
  const type = column === 'cost' ? 'REAL' : 'INTEGER';
  return `CAST(MIN(MAX(${expression}, 0), ${MAX_TOTAL}) AS ${type}) AS ${column}`;
};

/** TOTAL computes with floating point: SUM fails when integers overflow (sqlite.org/lang_aggfunc.html). */
export const SUMS = COUNTED.map((column) => bounded(`TOTAL(MAX(${column}, 0))`, column)).join(', ');

/** The figures of one row: an earlier version may have stored larger ones. */
export const FIGURES = COUNTED.map((column) => bounded(column, column)).join(', ');

/** For an upsert: adds a row's figures to the stored ones. */
export const ADDED = COUNTED.map(
  (name) => `${name} = MIN(MAX(${name}, 0) + excluded.${name}, ${MAX_TOTAL})`,
).join(', ');

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

/** Builds totals from the figure of each name. */
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
