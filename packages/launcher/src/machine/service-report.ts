import type { Address, Clock } from '@openrouter-proxy/runtime';
import type { Program } from '../supervision/program.ts';
import type { ServiceManager } from './service-manager.ts';
import { urlOf } from '../announcements/url.ts';

/** Interval between health checks while a program does not answer. */
const ASK_AGAIN_MS = 1_000;
/** Added to the programs' grace periods, for the launcher's own exit. */
const BEYOND_GRACE_MS = 5_000;

/** Reports the life cycle to the service manager. */
export interface ServiceReport {
  /** A program is ready, after its first start or a restart. */
  serves(program: Program, address: Address | null): void;
  /** A reload runs until `work` is settled. */
  reloading<T>(work: () => Promise<T>): Promise<T>;
  /** The stop begins. */
  stops(): void;
}

/**
 * Notifies the service manager when all programs are ready and when the stop begins. Feeds its watchdog
 * while all programs answer.
 */
export function reportTo(
  manager: ServiceManager,
  programs: readonly Program[],
  clock: Clock,
): ServiceReport {
  const addresses = new Map<Program, Address | null>();
  const over = new AbortController();
  let isReady = false;
  let status = '';
  return {
    serves: (program, address) => {
      addresses.set(program, address);
      if (isReady || addresses.size < programs.length) return;
      isReady = true;
      const urls = [...addresses.values()].filter((found) => found !== null).map(urlOf);
      status = `serving on ${urls.join(', ')}`;
      void manager
        .ready(status)
        .then(() => showVitalSigns(addresses, manager, status, clock, over.signal));
    },
    reloading: async (work) => {
      if (!isReady) return await work();
      void manager.reloading('reading the configuration again');
      try {
        return await work();
      } finally {
        void manager.ready(status);
      }
    },
    stops: () => {
      over.abort();
      const graceMs = programs.reduce((sum, { stopGraceMs }) => sum + stopGraceMs, BEYOND_GRACE_MS);
      void manager.stopping('finishing what runs, then ending', graceMs);
    },
  };
}

/**
 * Feeds the watchdog at half its timeout, as sd_watchdog_enabled(3) advises, while every program answers;
 * "not ready" is an answer too. The service's status names programs that do not answer.
 */
async function showVitalSigns(
  addresses: ReadonlyMap<Program, Address | null>,
  manager: ServiceManager,
  status: string,
  clock: Clock,
  over: AbortSignal,
): Promise<void> {
  const { watchdogMs } = manager;
  if (watchdogMs === null) return;
  const isOver = () => over.aborted;
  let said = status;
  while (!isOver()) {
    const silent = await whoIsSilent(addresses, watchdogMs / 4);
    if (isOver()) return; // programs do not answer while they stop
    const news = silent.length === 0 ? status : `no answer from the ${silent.join(' and the ')}`;
    if (news !== said) await manager.status(news);
    said = news;
    if (silent.length === 0) await manager.alive();
    const pauseMs = silent.length === 0 ? watchdogMs / 2 : ASK_AGAIN_MS;
    await clock.sleep(pauseMs, over).catch(() => undefined); // aborted by the stop
  }
}

/** The names of programs that do not answer within the deadline. */
async function whoIsSilent(
  addresses: ReadonlyMap<Program, Address | null>,
  deadlineMs: number,
): Promise<string[]> {
  const names = await Promise.all(
    [...addresses].map(async ([program, address]) => {
      try {
        await program.ask(address, AbortSignal.timeout(deadlineMs));
        return [];
      } catch {
        return [program.name];
      }
    }),
  );
  return names.flat();
}
