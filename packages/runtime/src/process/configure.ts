import { StartupError } from './exit-code.ts';
import type { Answering, IpcLink } from './ipc-link.ts';

/** How long a process may take to run with what it is told. */
const CONFIGURE_MS = 10_000;

/** What a process is told to run with from now on; it says why it could not, or null. */
interface Configure {
  readonly configure: unknown;
}
interface Configured {
  readonly problem: string | null;
}

const isConfigure = (what: unknown): what is Configure =>
  typeof what === 'object' && what !== null && 'configure' in what;

/** Tells a process what to run with from now on; why it could not take it, if so. */
export async function configureOver(
  link: Pick<IpcLink, 'ask'>,
  configuration: unknown,
): Promise<string | null> {
  const answer = await link.ask({ configure: configuration } satisfies Configure, CONFIGURE_MS);
  if (answer === null) return `no answer within ${CONFIGURE_MS} ms`;
  return (answer as Configured).problem; // of `answeringConfigure`, below
}

/** An error's own words may quote what was handed over; a StartupError's are meant to be read. */
function problemOf(error: unknown): string {
  if (error instanceof StartupError) return error.problems.join('; ');
  return error instanceof Error ? error.name : typeof error;
}

/** Answers being told what to run with, one after the other; everything else is left to `others`. */
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
