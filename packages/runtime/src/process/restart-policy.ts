/** When a program that ended is started again, and when it is given up. Times in milliseconds. */
export interface RestartPolicy {
  /** The wait before the first restart; it doubles with every further one. */
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** A run as long as this one makes up for every crash before it. */
  readonly quietMs: number;
  /** A run that served for as long did not crash if somebody killed it. */
  readonly soundMs: number;
  /** So many ends within such a time are a crash loop. */
  readonly crashLoop: { readonly ends: number; readonly withinMs: number };
}

/** Back in service within a second after a first crash; given up after about eight when it cannot run. */
export const DEFAULT_POLICY: RestartPolicy = {
  firstDelayMs: 500,
  longestDelayMs: 30_000,
  quietMs: 60_000,
  soundMs: 3_000,
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

/** How a program ended: at `now`, `upMs` after its start. */
export interface ProgramEnd {
  readonly now: number;
  readonly upMs: number;
  /** By SIGKILL, which no program does to itself. */
  readonly wasKilled: boolean;
}

/** Decides what follows when a program ends. */
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
