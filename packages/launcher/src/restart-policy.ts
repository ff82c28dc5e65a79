/** When a program that ended is started again, and when it is given up. Times in milliseconds. */
export interface RestartPolicy {
  /** The wait before the first restart; it doubles with every further one. */
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** A run as long as this one makes up for every crash before it. */
  readonly quietMs: number;
  /** So many ends within such a time are a crash loop. */
  readonly crashLoop: { readonly ends: number; readonly withinMs: number };
}

/** Back in service within a second after a first crash; given up after about eight when it cannot run. */
export const DEFAULT_POLICY: RestartPolicy = {
  firstDelayMs: 500,
  longestDelayMs: 30_000,
  quietMs: 60_000,
  crashLoop: { ends: 5, withinMs: 60_000 },
};

/** What is remembered of a program's past. */
export interface CrashHistory {
  /** Ends in a row without a quiet run between them. */
  readonly streak: number;
  /** When it ended lately: as far back as the policy looks. */
  readonly ends: readonly number[];
}

/** The past of a program that has never ended. */
export const NO_CRASHES: CrashHistory = { streak: 0, ends: [] };

/** What is to be done about an end. */
export type NextStep =
  | { readonly kind: 'restart'; readonly delayMs: number; readonly history: CrashHistory }
  | { readonly kind: 'give-up' };

/** Decides what follows when a program ends at `now`, `upMs` after its start. */
export function afterEnd(
  history: CrashHistory,
  end: { readonly upMs: number; readonly now: number },
  policy: RestartPolicy,
): NextStep {
  const { withinMs, ends: limit } = policy.crashLoop;
  const ends = [...history.ends.filter((at) => end.now - at < withinMs), end.now];
  if (ends.length >= limit) return { kind: 'give-up' };
  const streak = end.upMs >= policy.quietMs ? 1 : history.streak + 1;
  const delayMs = Math.min(policy.firstDelayMs * 2 ** (streak - 1), policy.longestDelayMs);
  return { kind: 'restart', delayMs, history: { streak, ends } };
}
