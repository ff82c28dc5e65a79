/** When to restart a program that ended, and when to give up. */
export interface RestartPolicy {
  /** The wait before the first restart; it doubles with every further one. */
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** A run of this length resets the back-off. */
  readonly quietMs: number;
  /** A SIGKILL after a run of this length does not count as a crash. */
  readonly soundMs: number;
  /** This many ends within this time are a crash loop. */
  readonly crashLoop: { readonly ends: number; readonly withinMs: number };
}

/** Restarts within 1 s after a first crash; gives up after about 8 s if the program cannot run. */
export const DEFAULT_POLICY: RestartPolicy = {
  firstDelayMs: 500,
  longestDelayMs: 30_000,
  quietMs: 60_000,
  soundMs: 3_000,
  crashLoop: { ends: 5, withinMs: 60_000 },
};

/** The crash history of a program. */
export interface CrashHistory {
  /** Ends in a row without a quiet run between them. */
  readonly streak: number;
  /** The times of its ends within the policy's window. */
  readonly ends: readonly number[];
}

/** The history of a program that has never ended. */
export const NO_CRASHES: CrashHistory = { streak: 0, ends: [] };

/** The decision after an end. */
export type NextStep =
  | { readonly kind: 'restart'; readonly delayMs: number; readonly history: CrashHistory }
  | { readonly kind: 'give-up' };

/** How a program ended: at `now`, `upMs` after its start. */
export interface ProgramEnd {
  readonly now: number;
  readonly upMs: number;
  /** By SIGKILL, which no program does to itself. */
  readonly wasKilled: boolean;
}

/** Decides whether to restart a program that ended. */
export function afterEnd(history: CrashHistory, end: ProgramEnd, policy: RestartPolicy): NextStep {
  if (end.wasKilled && end.upMs >= policy.soundMs) {
    return { kind: 'restart', delayMs: policy.firstDelayMs, history };
  }
  const { withinMs, ends: limit } = policy.crashLoop;
  const ends = [...history.ends.filter((at) => end.now - at < withinMs), end.now];
  if (ends.length >= limit) return { kind: 'give-up' };
  const streak = end.upMs >= policy.quietMs ? 1 : history.streak + 1;
  const delayMs = Math.min(policy.firstDelayMs * 2 ** (streak - 1), policy.longestDelayMs);
  return { kind: 'restart', delayMs, history: { streak, ends } };
}
