import * as z from 'zod';

const tokens = z.int().nonnegative();

/** What an answer used, by OpenRouter's own count (OpenRouter docs, "Usage accounting"). */
export const usage = z.strictObject({
  /** Of the prompt, cached ones as the API counts them. */
  sent: tokens,
  received: tokens,
  /** Read from a prompt cache. */
  cached: tokens,
  /** Of those received, spent on thinking. */
  reasoning: tokens,
  /** Credits (US dollars). */
  cost: z.number().nonnegative(),
});
export type Usage = z.infer<typeof usage>;

/**
 * Usage as it is told; null: something was used, and nobody says how much. Figures that cannot be
 * right count as not said, so that they cost nothing but themselves.
 */
export const usageTold = usage.nullable().catch(null);

/** Attempts and what they used, added up. */
export const usageTotals = usage.extend({
  /** Attempts that brought an answer, if only that the request was wrong. */
  answered: z.int().nonnegative(),
  /** Attempts that brought none; those that the client gave up are neither. */
  failed: z.int().nonnegative(),
  /** Attempts that used something nobody knows: answers that broke off, or did not say. */
  unknown: z.int().nonnegative(),
});
export type UsageTotals = z.infer<typeof usageTotals>;

/** What totals are told apart by. */
export const usageDimension = z.enum(['key', 'model', 'client', 'day']);
export type UsageDimension = z.infer<typeof usageDimension>;

/** The totals of one key, model, client, or UTC day (`2026-11-23`); the name is empty for those that are not known. */
export const usageRow = usageTotals.extend({ name: z.string().max(300) });
export type UsageRow = z.infer<typeof usageRow>;

/** Whose usage is meant: that of this machine, or of all machines that share the pool. */
export const usageScope = z.enum(['machine', 'pool']);
export type UsageScope = z.infer<typeof usageScope>;

export const usageQuery = z.strictObject({
  since: z.int().nonnegative(),
  by: usageDimension,
  /** `pool` if left out. */
  of: usageScope.optional(),
});

/** The most rows of one answer. */
const MAX_USAGE_ROWS = 1_000;

export const usageReport = z.strictObject({
  rows: z.array(usageRow).max(MAX_USAGE_ROWS),
  /** How many machines the rows are of: those that used something since then, and this one. */
  machines: z.int().positive(),
  /** When the other machines' usage was read last; null: there is none to read, or it could not be yet. */
  sharedAt: z.int().nonnegative().nullable(),
});
