import type { Usage } from '@openrouter-proxy/kms-protocol';
import { lastUsage, usageIn } from './usage.ts';
import type { UsageSource } from '../endpoints/endpoint.ts';

/** What an answer says of its cost. `pending`: the job goes on, ask again. `unknown`: it does not say. */
export type UsageReading =
  { kind: 'none' } | { kind: 'pending' } | { kind: 'unknown' } | { kind: 'known'; usage: Usage };

type Json = Readonly<Record<string, unknown>>;

const NONE: UsageReading = { kind: 'none' };
const UNKNOWN: UsageReading = { kind: 'unknown' };

const reading = (usage: Usage | null): UsageReading =>
  usage === null ? UNKNOWN : { kind: 'known', usage };

function parsed(bytes: Buffer): Json | null {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Json) : null;
  } catch {
    return null;
  }
}

/** Ends of a job for which nothing is charged. */
const WITHOUT_COST: ReadonlySet<unknown> = new Set(['failed', 'cancelled', 'expired']);

function jobUsage(document: Json | null): UsageReading {
  const status = document?.['status'];
  const usage = usageIn(document?.['usage']);
  if (usage !== null) return reading(usage);
  if (WITHOUT_COST.has(status)) return NONE;
  return status === 'completed' || status === undefined ? UNKNOWN : { kind: 'pending' };
}

/** The usage in the answer of `GET /generation`. */
export function generationUsage(document: unknown): Usage | null {
  const data = (document as { data?: Json | null } | null)?.data; // checked member by member below
  return usageIn({
    prompt_tokens: data?.['tokens_prompt'],
    completion_tokens: data?.['tokens_completion'],
    prompt_tokens_details: { cached_tokens: data?.['native_tokens_cached'] },
    completion_tokens_details: { reasoning_tokens: data?.['native_tokens_reasoning'] },
    cost: data?.['total_cost'],
  });
}

/**
 * Reads what an answer cost. `bytes`: the document, or the end of a stream. For `generation` the answer
 * itself says nothing: ask `GET /generation` for the id in `X-Generation-Id`.
 */
export function readUsage(source: UsageSource, bytes: Buffer): UsageReading {
  switch (source) {
    case 'none':
      return NONE;
    case 'document':
      return reading(lastUsage(bytes));
    case 'job':
      return jobUsage(parsed(bytes));
    case 'generation':
      return { kind: 'pending' };
    case 'unknown': {
      const usage = lastUsage(bytes);
      return usage === null ? UNKNOWN : reading(usage);
    }
  }
}
