import { execFile } from 'node:child_process';
import { hrtime, pid } from 'node:process';
import { promisify } from 'node:util';
import type { Logger } from '@openrouter-proxy/runtime';

/** Its barrier waits for the manager to have read the message, five seconds by its own measure. */
const SEND_TIMEOUT_MS = 10_000;

/** The assignments of one message, as sd_notify(3) has them. */
type Message = Readonly<Record<string, string | number>>;

/**
 * The service manager that started us. Messages reach it in the order in which they are given, and
 * every promise here resolves when its message has, or cannot be delivered. Without a manager that
 * listens, nothing is sent.
 */
export interface ServiceManager {
  /** How long it waits for a sign of life before it takes us for hung, in milliseconds; null: for ever. */
  readonly watchdogMs: number | null;
  /** Everything serves. */
  ready(status: string): Promise<void>;
  /** The configuration is being read again; `ready` says that this is over. */
  reloading(status: string): Promise<void>;
  /** How things stand, for people. */
  status(status: string): Promise<void>;
  /** A sign of life. */
  alive(): Promise<void>;
  /** We are ending, within `graceMs`, which may be more than the manager grants of its own accord. */
  stopping(status: string, graceMs: number): Promise<void>;
}

/** Finds the service manager in the environment that it gave us: sd_notify(3), sd_watchdog_enabled(3). */
export function findServiceManager(
  environment: Readonly<Record<string, string | undefined>>,
  logger: Logger,
): ServiceManager {
  const socket = environment['NOTIFY_SOCKET'];
  const send = socket === undefined ? () => Promise.resolve() : sender(socket, logger);
  return {
    watchdogMs: socket === undefined ? null : watchdogMs(environment),
    ready: (status) => send({ READY: 1, STATUS: status }),
    reloading: (status) =>
      send({ RELOADING: 1, MONOTONIC_USEC: microseconds(hrtime.bigint()), STATUS: status }),
    status: (status) => send({ STATUS: status }),
    alive: () => send({ WATCHDOG: 1 }),
    stopping: (status, graceMs) =>
      send({ STOPPING: 1, EXTEND_TIMEOUT_USEC: Math.ceil(graceMs * 1_000), STATUS: status }),
  };
}

/** Node's clock is CLOCK_MONOTONIC, in nanoseconds. */
const microseconds = (nanoseconds: bigint) => String(nanoseconds / 1_000n);

function watchdogMs(environment: Readonly<Record<string, string | undefined>>): number | null {
  const { WATCHDOG_USEC: period, WATCHDOG_PID: whose } = environment;
  if (whose !== undefined && Number(whose) !== pid) return null;
  return Number(period) > 0 ? Number(period) / 1_000 : null;
}

/**
 * Sends one message after another through systemd-notify(1), since Node has no datagrams on Unix
 * sockets. A service that cannot tell how it is goes on; that it could not is said once.
 */
function sender(socket: string, logger: Logger): (message: Message) => Promise<void> {
  const run = promisify(execFile);
  let last = Promise.resolve();
  let hasFailed = false;
  return (message) => {
    const assignments = Object.entries(message).map(([name, value]) => `${name}=${oneLine(value)}`);
    last = last.then(async () => {
      try {
        const env = { PATH: process.env['PATH'], NOTIFY_SOCKET: socket };
        await run('systemd-notify', assignments, { env, timeout: SEND_TIMEOUT_MS });
      } catch (error) {
        if (!hasFailed) logger.warning('the service manager could not be told', { error });
        hasFailed = true;
      }
    });
    return last;
  };
}

const oneLine = (value: string | number) => String(value).replaceAll(/\s+/g, ' ');
