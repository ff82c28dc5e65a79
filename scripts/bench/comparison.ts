import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBareProxy, startNginxProxy, startUpstream } from './baselines.ts';
import { addedLatency, underLoad, type Server } from './load.ts';
import { GATEWAY_CORE, LOAD_CORE, startProduct } from './product.ts';
import { onStage } from './stage.ts';
import { productWithoutMetrics } from './variant.ts';

/** The gateway against nginx and against bare express + http-proxy-3, each alone on one core. */
export async function comparisonBench(): Promise<void> {
  await onStage(async (folder, started) => {
    const upstream = started(await startUpstream(path.join(folder, 'upstream'), LOAD_CORE));
    const nginx = started(
      await startNginxProxy(path.join(folder, 'proxy'), GATEWAY_CORE, upstream.url),
    );
    const bare = started(await startBareProxy(GATEWAY_CORE, upstream.url));
    const product = started(await startProduct(path.join(folder, 'product'), upstream.url));
    const variant = await productWithoutMetrics(path.join(folder, 'variant'));
    const blind = started(
      await startProduct(path.join(folder, 'blind'), upstream.url, {
        launcher: variant,
        server: { enable_token_counting: false },
      }),
    );
    await sleep(500);

    const proxies: Record<string, Server> = {
      nginx,
      'express + http-proxy-3': bare,
      gateway: { url: product.url, processes: { gateway: product.gateway } },
      'gateway without metrics': { url: blind.url, processes: { gateway: blind.gateway } },
    };
    const urls = Object.entries(proxies).map(([name, { url }]) => [name, url] as const);
    const added = await addedLatency({ direct: upstream.url, ...Object.fromEntries(urls) });
    const load = await underLoad(folder, proxies);
    const of = (part: number | undefined, whole: number | undefined) =>
      ((part ?? NaN) / (whole ?? NaN)).toFixed(2);
    console.log('\nadded latency, one at a time (median of medians)');
    for (const name of Object.keys(proxies)) {
      const ms = added[name]?.toFixed(3);
      console.log(`  ${name.padEnd(24)} ${ms} ms   ${of(added[name], added['nginx'])} × nginx`);
    }
    console.log('\nrequests per second, 64 connections, one core');
    const bareRate = load['express + http-proxy-3']?.rate;
    for (const [name, { rate }] of Object.entries(load)) {
      const shares = `${of(rate, load['nginx']?.rate)} × nginx, ${of(rate, bareRate)} × bare`;
      console.log(`  ${name.padEnd(24)} ${rate.toFixed(0).padStart(7)}   ${shares}`);
    }
    const costOf = (name: string) => load[name]?.cpuUs['gateway'] ?? NaN;
    const [full, without] = [costOf('gateway'), costOf('gateway without metrics')];
    const cost = `${full.toFixed(0)} µs of CPU a request, ${without.toFixed(0)} µs without`;
    console.log(`\nmetrics and token counting: ${cost} (${of(without, full)})`);
  });
}
