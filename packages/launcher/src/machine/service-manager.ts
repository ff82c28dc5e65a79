import { execFile } from 'node:child_process';
import { hrtime, pid } from 'node:process';
import { promisify } from 'node:util';
import type { Logger } from '@openrouter-proxy/runtime';

/** systemd-notify waits up to 5 s until systemd has read the message. */
const SEND_TIMEOUT_MS = 10_000;

/** The assignments of one sd_notify(3) message. */
type Message = Readonly<Record<string, string | number>>;

/**
 * The service manager that started us. Messages are sent in order. Each promise resolves when its message
 * is delivered or has failed. Without a listening manager, nothing is sent.
 */
export interface ServiceManager {
  /** The watchdog timeout in milliseconds; null: no watchdog. */
  readonly watchdogMs: number | null;
  /** READY=1: everything is ready. */
  ready(status: string): Promise<void>;
  /** RELOADING=1; `ready` ends the reload. */
  reloading(status: string): Promise<void>;
  /** STATUS=, for people. */
  status(status: string): Promise<void>;
  /** WATCHDOG=1. */
  alive(): Promise<void>;
  /** STOPPING=1, with an extended timeout: the stop takes up to `graceMs`. */
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
 * Sends messages one by one through systemd-notify(1), since Node has no datagrams on Unix sockets. The
 * service runs on if a message fails; only the first failure is logged.
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
        if (!hasFailed) logger.warning('systemd could not be notified', { error });
        hasFailed = true;
      }
    });
    return last;
  };
}

const oneLine = (value: string | number) => String(value).replaceAll(/\s+/g, ' ');
