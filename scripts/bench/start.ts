import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../product/free-port.ts';
import { startInstallation } from '../product/installation.ts';
import { childrenWith } from './processes.ts';

const ROUNDS = 7;

/** The memory of a process that is its own, and its share of what it has in common with others, in bytes (proc(5), smaps_rollup). */
async function memoryOf(pid: number): Promise<{ resident: number; proportional: number }> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const of = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1]) * 1_024;
  return { resident: of('Rss'), proportional: of('Pss') };
}

/** From `node launcher` to an answer of the gateway's, and the memory of the three processes when idle. */
export async function startBench(): Promise<void> {
  const times: number[] = [];
  const sizes: { resident: number; proportional: number }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const folder = await mkdtemp(path.join(tmpdir(), 'bench-'));
    const port = await freePort();
    const keys = [`sk-or-v1-${randomBytes(32).toString('hex')}`];
    const startedAt = performance.now();
    const installation = await startInstallation({
      folder,
      port,
      settings: { openrouter: { keys, base_url: 'http://127.0.0.1:1/api/v1' } },
    });
    times.push(performance.now() - startedAt);
    const processes = [installation.pid, ...(await childrenWith(installation.pid, ''))];
    const memory = await Promise.all(processes.map(memoryOf));
    sizes.push({
      resident: memory.reduce((sum, { resident }) => sum + resident, 0),
      proportional: memory.reduce((sum, { proportional }) => sum + proportional, 0),
    });
    await installation.stop();
    await rm(folder, { recursive: true });
  }
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0);
  const resident = megabytes(median(sizes.map((size) => size.resident)));
  const proportional = megabytes(median(sizes.map((size) => size.proportional)));
  console.log(`serves after ${median(times).toFixed(0)} ms`);
  console.log(
    `launcher, key service and gateway take ${resident} MB; ${proportional} MB, if what they share counts once`,
  );
}
