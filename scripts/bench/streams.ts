import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBareProxy, startNginxProxy } from './baselines.ts';
import { childrenWith, cpuTime, type Running } from './processes.ts';
import { ACCESS_KEY, GATEWAY_CORE, LOAD_CORE, startProduct } from './product.ts';
import { onStage } from './stage.ts';
import type { Assignment, Delivered } from './stream-load.ts';

const PACED = { streams: 1_000, eventsPerSecond: 20, seconds: 10 };
const MANY = { streams: 5_000, eventsPerSecond: 2, seconds: 10 };
/** All streams are open, and none has ended. */
const MIDWAY_MS = 5_000;
const ROUNDS = 3;

type Load = Omit<Assignment, 'port' | 'accessKey'>;

/** Whoever sends and reads the streams. */
interface StreamLoad extends Running {
  readonly url: string;
  deliver(assignment: Assignment): Promise<Delivered>;
}

async function startStreamLoad(): Promise<StreamLoad> {
  const child = fork(path.join(import.meta.dirname, 'stream-load.ts'), {
    execPath: 'taskset',
    execArgv: ['-c', String(LOAD_CORE), process.execPath],
  });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return {
    url: `http://127.0.0.1:${port}`,
    async deliver(assignment) {
      child.send(assignment);
      const [delivered] = (await once(child, 'message')) as [Delivered];
      return delivered;
    },
    async stop() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

/** The memory that a process has resident, in bytes (proc(5), /proc/pid/status). */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** What is between the two. */
interface Between {
  readonly url: string;
  /** The process that does it; none: they are joined directly. */
  readonly pid?: number;
}

interface Measured extends Delivered {
  /** CPU time for an event, in microseconds. */
  readonly cpuUs: number;
  /** What a stream adds to the memory of the process. */
  readonly bytesPerStream: number;
}

async function measure(load: StreamLoad, { url, pid }: Between, what: Load): Promise<Measured> {
  const port = Number(new URL(url).port);
  const look = async () =>
    pid === undefined
      ? { cpu: NaN, memory: NaN }
      : { cpu: await cpuTime(pid), memory: await residentBytes(pid) };
  const before = await look();
  const delivering = load.deliver({ ...what, port, accessKey: ACCESS_KEY });
  await sleep(MIDWAY_MS);
  const midway = await look();
  const delivered = await delivering;
  const after = await look();
  return {
    ...delivered,
    cpuUs: (after.cpu - before.cpu) / delivered.events,
    bytesPerStream: (midway.memory - before.memory) / what.streams,
  };
}

const medianBy = (rounds: readonly Measured[], of: (measured: Measured) => number) =>
  rounds.map(of).toSorted((a, b) => a - b)[rounds.length >> 1] ?? NaN;

const HEAD = ['', 'events', 'broken', 'CPU an event', 'delay: median', 'p99', 'memory a stream'];

/** A line of the table: what is missing of a figure is a dash. */
function row([name = '', ...figures]: readonly string[]): string {
  return `  ${name.padEnd(8)}${figures.map((figure) => figure.padStart(16)).join('')}`;
}

const figure = (value: number, unit: string, digits: number) =>
  Number.isNaN(value) ? '–' : `${value.toFixed(digits)} ${unit}`;

function printPaced(rounds: Readonly<Record<string, Measured[]>>): void {
  const { streams, eventsPerSecond, seconds } = PACED;
  const expected = streams * eventsPerSecond * seconds;
  console.log(`\n${streams} streams of ${eventsPerSecond} events a second, one core`);
  console.log(row(HEAD));
  for (const [name, all] of Object.entries(rounds)) {
    const lost = all.reduce((sum, { events }) => sum + expected - events, 0);
    const broken = all.reduce((sum, each) => sum + each.broken, 0);
    const cells = [
      figure(
        medianBy(all, ({ cpuUs }) => cpuUs),
        'µs',
        1,
      ),
      figure(
        medianBy(all, ({ medianMs }) => medianMs),
        'ms',
        2,
      ),
      figure(
        medianBy(all, ({ p99Ms }) => p99Ms),
        'ms',
        2,
      ),
      figure((all[0]?.bytesPerStream ?? NaN) / 1_000, 'kB', 0),
    ];
    console.log(row([name, lost === 0 ? 'all' : `${lost} lost`, `${broken}`, ...cells]));
  }
  const cpuOf = (name: string) => medianBy(rounds[name] ?? [], ({ cpuUs }) => cpuUs);
  const p99Of = (name: string) => medianBy(rounds[name] ?? [], ({ p99Ms }) => p99Ms);
  const ratio = (name: string) => (cpuOf('gateway') / cpuOf(name)).toFixed(2);
  const added = (p99Of('gateway') - p99Of('direct')).toFixed(2);
  console.log(
    `gateway: ${ratio('nginx')} × nginx, ${ratio('bare')} × bare; ${added} ms added at p99`,
  );
}

/** Streams through one worker: what an event costs, how late it is, what a stream takes of memory. */
export async function streamsBench(): Promise<void> {
  await onStage(async (folder, started) => {
    const load = started(await startStreamLoad());
    const nginx = started(
      await startNginxProxy(path.join(folder, 'proxy'), GATEWAY_CORE, load.url),
    );
    const bare = started(await startBareProxy(GATEWAY_CORE, load.url));
    const product = started(await startProduct(path.join(folder, 'product'), load.url));
    await sleep(500);
    const [nginxWorker] = await childrenWith(nginx.pid, 'nginx');
    const between: Readonly<Record<string, Between>> = {
      direct: load,
      nginx: { url: nginx.url, ...(nginxWorker === undefined ? {} : { pid: nginxWorker }) },
      bare: { url: bare.url, pid: bare.pid },
      gateway: { url: product.url, pid: product.gateway },
    };
    const rounds: Record<string, Measured[]> = {};
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, each] of Object.entries(between)) {
        (rounds[name] ??= []).push(await measure(load, each, PACED));
      }
    }
    printPaced(rounds);
    const many = await measure(load, { url: product.url, pid: product.gateway }, MANY);
    const { streams, eventsPerSecond, seconds } = MANY;
    const missing = streams * eventsPerSecond * seconds - many.events;
    const kilobytes = (many.bytesPerStream / 1_000).toFixed(0);
    const came = `${many.broken} broken, ${missing} events missing, ${kilobytes} kB each`;
    console.log(`\n${streams} streams through the gateway: ${came}`);
  });
}
