import type { Clock } from '@openrouter-proxy/runtime';

/**
 * Ctrl-C reaches every process of the terminal's group, and npm, which is one of them, passes it on:
 * what follows a signal this closely is its echo and no second wish.
 */
const ECHO_MS = 250;

/** Where signals come from: the process. */
interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
}

/** What signals ask for. */
type Wishes = Readonly<Record<'stop' | 'reload' | 'renew', () => void>>;

/**
 * Calls `stop` at each SIGTERM and SIGINT that the process gets, but not at an echo, `reload` at each
 * SIGHUP, and `renew` at each SIGUSR2. SIGUSR1, which would open Node's debugger, does nothing.
 * SIGHUP also says that the terminal was closed: when the log went to that terminal, the first one stops.
 */
export function onSignals(
  process: SignalSource,
  clock: Clock,
  isTerminalClosed: () => boolean,
  { stop, reload, renew }: Wishes,
): void {
  let heardAt = -Infinity;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      const sinceLast = clock.now() - heardAt;
      heardAt = clock.now();
      if (sinceLast >= ECHO_MS) stop();
    });
  }
  let isHungUp = false;
  process.on('SIGHUP', () => {
    if (!isTerminalClosed()) {
      reload();
      return;
    }
    if (!isHungUp) stop(); // the shell and the kernel may both send it
    isHungUp = true;
  });
  process.on('SIGUSR2', renew);
  process.on('SIGUSR1', () => undefined);
}
