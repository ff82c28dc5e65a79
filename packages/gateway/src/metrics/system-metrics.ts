import { cpus, freemem, loadavg, totalmem } from 'node:os';
import { readFileSync } from 'node:fs';
import { Counter, Gauge, type Registry } from 'prom-client';

/** Memory available to programs, in bytes. On Linux `MemAvailable`: free memory would leave out caches. */
export function availableMemory(): number {
  try {
    const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(
      readFileSync('/proc/meminfo', 'utf8'),
    )?.[1];
    return kibibytes === undefined ? freemem() : Number(kibibytes) * 1_024;
  } catch {
    return freemem(); // not Linux
  }
}

/** Processor time of the machine since its start, by mode, in seconds. */
export function cpuSeconds(): Record<string, number> {
  const seconds: Record<string, number> = {};
  for (const { times } of cpus()) {
    for (const [mode, ms] of Object.entries(times)) {
      seconds[mode] = (seconds[mode] ?? 0) + ms / 1_000;
    }
  }
  return seconds;
}

/** Adds the machine's own metrics: processors, memory, load. They are read at each scrape. */
export function systemMetrics(registry: Registry, prefix: string): void {
  const registers = [registry];
  new Counter({
    name: `${prefix}system_cpu_seconds_total`,
    help: "Time of the machine's processors, by what they did.",
    labelNames: ['mode'],
    registers,
    collect() {
      this.reset();
      for (const [mode, seconds] of Object.entries(cpuSeconds())) this.inc({ mode }, seconds);
    },
  });
  new Gauge({
    name: `${prefix}system_memory_bytes`,
    help: 'Memory of the machine.',
    labelNames: ['state'],
    registers,
    collect() {
      const available = availableMemory();
      this.set({ state: 'available' }, available);
      this.set({ state: 'used' }, totalmem() - available);
    },
  });
  new Gauge({
    name: `${prefix}system_load_average`,
    help: 'Processes that run or want to, on average over so many minutes.',
    labelNames: ['minutes'],
    registers,
    collect() {
      const [one = 0, five = 0, fifteen = 0] = loadavg();
      this.set({ minutes: '1' }, one);
      this.set({ minutes: '5' }, five);
      this.set({ minutes: '15' }, fifteen);
    },
  });
}
