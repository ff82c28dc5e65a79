import type { Address, Clock } from '@openrouter-proxy/runtime';
import type { Program } from '../supervision/program.ts';
import type { ServiceManager } from './service-manager.ts';
import { urlOf } from '../announcements/url.ts';

/** How soon those who did not answer are asked again. */
const ASK_AGAIN_MS = 1_000;
/** Beyond the programs' own grace, for the launcher to end. */
const BEYOND_GRACE_MS = 5_000;

/** What the service manager is told of our life. */
export interface ServiceReport {
  /** A program has come to serve, for the first time or again. */
  serves(program: Program, address: Address | null): void;
  /** The configuration is read again for as long as `work` takes. */
  reloading<T>(work: () => Promise<T>): Promise<T>;
  /** It was decided to end. */
  stops(): void;
}

/**
 * Tells the service manager that we are ready when all programs serve, feeds its watchdog for as long
 * as all of them answer, and announces the end.
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
 * Feeds the watchdog at half of the time that it allows, as sd_watchdog_enabled(3) advises, while
 * every program answers; one that answers that it is hindered is alive. Who does not answer is named
 * in the service's status until it does.
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
    if (isOver()) return; // they are silent because they end
    const news = silent.length === 0 ? status : `no answer from the ${silent.join(' and the ')}`;
    if (news !== said) await manager.status(news);
    said = news;
    if (silent.length === 0) await manager.alive();
    const pauseMs = silent.length === 0 ? watchdogMs / 2 : ASK_AGAIN_MS;
    await clock.sleep(pauseMs, over).catch(() => undefined); // woken because it is over
  }
}

/** The names of the programs that do not answer within the deadline. */
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
