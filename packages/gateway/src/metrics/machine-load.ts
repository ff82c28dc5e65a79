import { totalmem } from 'node:os';
import type { SystemLoad } from '@openrouter-proxy/dashboard';
import * as z from 'zod';
import { availableMemory, cpuSeconds } from './system-metrics.ts';

/** The resources of a process: processor time so far, in seconds, and memory. */
export const processUse = z.strictObject({
  name: z.string(),
  cpuSeconds: z.number(),
  residentBytes: z.number(),
});
export type ProcessUse = z.infer<typeof processUse>;

interface Look {
  readonly at: number;
  readonly busy: number;
  readonly all: number;
  readonly processes: ReadonlyMap<string, number>;
}

/** The resources of this process. */
export function ownUse(name: string): ProcessUse {
  const { user, system } = process.cpuUsage();
  const residentBytes = process.memoryUsage.rss();
  return { name, cpuSeconds: (user + system) / 1e6, residentBytes };
}

function look(at: number, processes: readonly ProcessUse[]): Look {
  const modes = cpuSeconds();
  const all = Object.values(modes).reduce((sum, seconds) => sum + seconds, 0);
  return {
    at,
    all,
    busy: all - (modes['idle'] ?? 0),
    processes: new Map(processes.map(({ name, cpuSeconds: seconds }) => [name, seconds])),
  };
}

/** CPU share, or null if no time has passed. A process that restarted has used less than before. */
const share = (used: number, of: number) => (of > 0 && used >= 0 ? used / of : null);

/** Measures the load of the machine and of our processes between two calls. */
export class MachineLoad {
  #last: Look | undefined;

  /** `now` in milliseconds. */
  read(processes: readonly ProcessUse[], now: number): SystemLoad {
    const [before, current] = [this.#last, look(now, processes)];
    this.#last = current;
    const memoryTotalBytes = totalmem();
    return {
      cpu: before ? share(current.busy - before.busy, current.all - before.all) : null,
      memoryUsedBytes: memoryTotalBytes - availableMemory(),
      memoryTotalBytes,
      processes: processes.map(({ name, residentBytes, cpuSeconds: seconds }) => {
        const known = before?.processes.get(name);
        const elapsed = (now - (before?.at ?? now)) / 1_000;
        return {
          name,
          residentBytes,
          cpu: known === undefined ? null : share(seconds - known, elapsed),
        };
      }),
    };
  }
}
