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

/** The largest total: a further addition leaves it is. */
const MAX_TOTAL = Number.MAX_SAFE_INTEGER;

/** One figure more, or less, never beyond what JavaScript and SQLite read without loss. */
export const plus = (total: number, added: number) =>
  Math.min(MAX_TOTAL, Math.max(0, total + added));

/** An expression of SQL as a figure of a column, within the same bounds. */
const bounded = (expression: string, column: string) => {
  const type = column === 'cost' ? 'REAL' : 'INTEGER';
  return `CAST(MIN(MAX(${expression}, 0), ${MAX_TOTAL}) AS ${type}) AS ${column}`;
};

/** TOTAL computes with floating point: SUM fails when integers overflow (sqlite.org/lang_aggfunc.html). */
export const SUMS = COUNTED.map((column) => bounded(`TOTAL(MAX(${column}, 0))`, column)).join(', ');

/** The figures of one row: what an older version added up may be larger than a total may be. */
export const FIGURES = COUNTED.map((column) => bounded(column, column)).join(', ');

/** For an upsert: adds a row's figures to those that are kept. */
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
