import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { freePort } from '@openrouter-proxy/end-to-end';
import { childrenWith } from './processes.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const ROUNDS = 9;

/** The memory of a process that is its own, and its share of what it has in common with others, in bytes (proc(5), smaps_rollup). */
async function memoryOf(pid: number): Promise<{ resident: number; proportional: number }> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const of = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1]) * 1_024;
  return { resident: of('Rss'), proportional: of('Pss') };
}

async function millisecondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

async function ready(url: string): Promise<void> {
  while ((await fetch(`${url}/health/ready`).catch(() => undefined))?.ok !== true) await sleep(5);
}

/** One round: a bare Node, `npm start` until it is ready, `kms status`, and the memory when idle. */
async function round(folder: string) {
  const port = await freePort();
  const config = path.join(folder, 'config.yml');
  const keys = [`sk-or-v1-${randomBytes(32).toString('hex')}`];
  const settings = {
    server: { port },
    openrouter: { keys, base_url: 'http://127.0.0.1:1/api/v1' },
  };
  await writeFile(config, JSON.stringify(settings), { mode: 0o600 });
  const bare = await millisecondsOf(() => execa`${process.execPath} -e 0`);
  const product = execa({
    cwd: ROOT,
    env: { PORT: String(port) },
    stdout: 'ignore',
    reject: false,
    detached: true,
  })`npm start -- --config ${config}`;
  const start = await millisecondsOf(() => ready(`http://127.0.0.1:${port}`));
  const cli = path.join(ROOT, 'dist/cli.js');
  const status = await millisecondsOf(
    () => execa({ cwd: folder, reject: false })`${process.execPath} ${cli} status`,
  );
  const npm = Number(product.pid);
  const [launcher = npm] = await childrenWith(npm, 'launcher.js');
  const processes = [launcher, ...(await childrenWith(launcher, ''))];
  const memory = await Promise.all(processes.map(memoryOf));
  process.kill(-npm, 'SIGTERM');
  await product;
  const sum = (of: 'resident' | 'proportional') => memory.reduce((all, each) => all + each[of], 0);
  return { bare, start, status, resident: sum('resident'), proportional: sum('proportional') };
}

/** How soon a built tree serves and answers the CLI, as multiples of a bare Node, and its memory. */
export async function startBench(): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-'));
  const rounds: Awaited<ReturnType<typeof round>>[] = [];
  try {
    await round(folder); // fills the caches of compiled code
    for (let count = 0; count < ROUNDS; count += 1) rounds.push(await round(folder));
  } finally {
    await rm(folder, { recursive: true });
  }
  const median = (of: keyof (typeof rounds)[number]) =>
    rounds.map((each) => each[of]).toSorted((a, b) => a - b)[ROUNDS >> 1] ?? NaN;
  const bare = median('bare');
  const times = (of: 'start' | 'status') =>
    `${median(of).toFixed(0)} ms, ${(median(of) / bare).toFixed(1)} × a bare \`node -e 0\` (${bare.toFixed(0)} ms)`;
  const megabytes = (of: 'resident' | 'proportional') => (median(of) / 1e6).toFixed(0);
  console.log(`\`npm start\` on a built tree is ready after ${times('start')}`);
  console.log(`\`kms status\` answers after ${times('status')}`);
  console.log(
    `launcher, key service and gateway take ${megabytes('resident')} MB; ${megabytes('proportional')} MB, if what they share counts once`,
  );
}
