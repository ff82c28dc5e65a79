import type { Clock } from '@openrouter-proxy/runtime';

/**
 * Ctrl-C reaches every process of the terminal's group, and npm forwards it too. A second signal within
 * this time is that echo.
 */
const ECHO_MS = 250;

/** The source of signals: the process. */
interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
}

/** The actions that signals trigger. */
type Wishes = Readonly<Record<'stop' | 'reload' | 'renew', () => void>>;

/**
 * Calls `stop` at SIGTERM and SIGINT, except for an echo, `reload` at SIGHUP, and `renew` at SIGUSR2.
 * SIGUSR1, which would open Node's debugger, does nothing. A closed terminal also sends SIGHUP: if the log
 * went to that terminal, the first SIGHUP stops.
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
    if (!isHungUp) stop(); // the shell and the kernel may both send SIGHUP
    isHungUp = true;
  });
  process.on('SIGUSR2', renew);
  process.on('SIGUSR1', () => undefined);
}
