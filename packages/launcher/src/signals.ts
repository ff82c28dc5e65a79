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

/**
 * Calls `stop` at each SIGTERM and SIGINT that the process gets, but not at an echo, `reload` at each
 * SIGHUP, and `renew` at each SIGUSR2. SIGUSR1, which would open Node's debugger, does nothing.
 */
export function onSignals(
  process: SignalSource,
  clock: Clock,
  { stop, reload, renew }: Readonly<Record<'stop' | 'reload' | 'renew', () => void>>,
): void {
  let heardAt = -Infinity;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      const sinceLast = clock.now() - heardAt;
      heardAt = clock.now();
      if (sinceLast >= ECHO_MS) stop();
    });
  }
  process.on('SIGHUP', reload);
  process.on('SIGUSR2', renew);
  process.on('SIGUSR1', () => undefined);
}
