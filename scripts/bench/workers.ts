import path from 'node:path';
import { startUpstream } from './baselines.ts';
import { confine } from './cpu-share.ts';
import { underLoad } from './load.ts';
import { childrenWith } from './processes.ts';
import { LOAD_CORE, startProduct } from './product.ts';
import { onStage } from './stage.ts';

/**
 * What each worker may have of a core: so little that two of them leave the load, the upstream and
 * the key service as much as they can use, also on a machine of two cores.
 */
const SHARE = 0.4;

/** Two workers against one, each worker with the same share of a core to itself. */
export async function workersBench(): Promise<void> {
  await onStage(async (folder, started) => {
    const upstream = started(await startUpstream(path.join(folder, 'upstream'), LOAD_CORE));
    const start = async (workers: number) => {
      const product = await startProduct(path.join(folder, String(workers)), upstream.url, {
        server: { workers },
        isPinned: false,
      });
      const serving = workers === 1 ? [product.gateway] : await childrenWith(product.gateway, '');
      const shares = await Promise.all(serving.map((pid) => confine(pid, SHARE)));
      for (const each of [...shares, product]) started(each);
      return { url: product.url };
    };
    const load = await underLoad(folder, { one: await start(1), two: await start(2) });
    const [one, two] = [load['one']?.rate ?? NaN, load['two']?.rate ?? NaN];
    console.log(`each worker has ${SHARE} of a core`);
    console.log(
      `one worker: ${one.toFixed(0)}/s, two workers: ${two.toFixed(0)}/s, ${(two / one).toFixed(2)} ×`,
    );
  });
}
