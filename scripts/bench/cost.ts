import path from 'node:path';
import { startUpstream } from './baselines.ts';
import { underLoad } from './load.ts';
import { childWith, pin } from './processes.ts';
import { LOAD_CORE, startProduct } from './product.ts';
import { startRedis } from './redis.ts';
import { onStage } from './stage.ts';

/** What a request costs each process, in CPU time: with the state in a file, and in a Redis. */
export async function costBench(): Promise<void> {
  await onStage(async (folder, started) => {
    const upstream = started(await startUpstream(path.join(folder, 'upstream'), LOAD_CORE));
    const redis = started(await startRedis(folder));
    await pin(redis.pid, LOAD_CORE);
    const start = async (name: string, settings: Readonly<Record<string, object>>) => {
      const product = started(
        await startProduct(path.join(folder, name), upstream.url, { settings }),
      );
      const kms = await childWith(product.launcher, 'kms');
      return { url: product.url, processes: { gateway: product.gateway, kms } };
    };
    const file = await start('file', {});
    const shared = await start('redis', { state: { backend: 'redis', redis: { url: redis.url } } });
    const { processes } = shared;
    const load = await underLoad(folder, {
      'a file': file,
      'a Redis': { ...shared, processes: { ...processes, redis: redis.pid } },
    });
    console.log('\nstate kept in   requests/s   CPU time a request, in microseconds');
    for (const [name, { rate, cpuUs }] of Object.entries(load)) {
      const costs = Object.entries(cpuUs).map(([process, us]) => `${process} ${us.toFixed(0)}`);
      console.log(`  ${name.padEnd(12)} ${rate.toFixed(0).padStart(10)}   ${costs.join(', ')}`);
    }
  });
}
