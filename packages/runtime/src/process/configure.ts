import { StartupError } from './exit-code.ts';
import type { Answering, IpcLink } from './ipc-link.ts';

/** Maximum time for a process to apply a configuration. */
const CONFIGURE_MS = 10_000;

/** A message with a new configuration. The answer holds the problem, or null. */
interface Configure {
  readonly configure: unknown;
}
interface Configured {
  readonly problem: string | null;
}

const isConfigure = (what: unknown): what is Configure =>
  typeof what === 'object' && what !== null && 'configure' in what;

/** Sends a process its new configuration; returns the problem if it could not apply it, else null. */
export async function configureOver(
  link: Pick<IpcLink, 'ask'>,
  configuration: unknown,
): Promise<string | null> {
  const answer = await link.ask({ configure: configuration } satisfies Configure, CONFIGURE_MS);
  if (answer === null) return `no answer within ${CONFIGURE_MS} ms`;
  return (answer as Configured).problem; // of `answeringConfigure`, below
}

/** Only the message of a StartupError is safe to show: others may quote the configuration. */
function problemOf(error: unknown): string {
  if (error instanceof StartupError) return error.problems.join('; ');
  return error instanceof Error ? error.name : typeof error;
}

/** Handles new configurations one by one; passes other requests on to `others`. */
export function answeringConfigure(
  configure: (configuration: unknown) => Promise<void>,
  others: Answering,
): Answering {
  let last: Promise<unknown> = Promise.resolve();
  return (what) => {
    if (!isConfigure(what)) return others(what);
    const done = last
      .then(() => configure(what.configure))
      .then(
        (): Configured => ({ problem: null }),
        (error: unknown): Configured => ({ problem: problemOf(error) }),
      );
    last = done;
    return done;
  };
}
