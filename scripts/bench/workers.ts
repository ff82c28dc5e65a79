import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startUpstream } from './baselines.ts';
import { underLoad } from './load.ts';
import type { Running } from './processes.ts';
import { LOAD_CORE, startProduct } from './product.ts';

/** Two workers against one, wherever there is room: the load and the upstream take theirs as well. */
export async function workersBench(): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-'));
  const running: Running[] = [];
  try {
    const upstream = await startUpstream(path.join(folder, 'upstream'), LOAD_CORE);
    running.push(upstream);
    const start = async (workers: number) => {
      const product = await startProduct(path.join(folder, String(workers)), upstream.url, {
        server: { workers },
        isPinned: false,
      });
      running.push(product);
      return { url: product.url };
    };
    const load = await underLoad(folder, { one: await start(1), two: await start(2) });
    const [one, two] = [load['one']?.rate ?? NaN, load['two']?.rate ?? NaN];
    console.log(
      `one worker: ${one.toFixed(0)}/s, two workers: ${two.toFixed(0)}/s, ${(two / one).toFixed(2)} ×`,
    );
  } finally {
    for (const server of running.toReversed()) await server.stop();
    await rm(folder, { recursive: true });
  }
}
