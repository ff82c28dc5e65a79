/**
 * `npm run bench`: the speed of the product, as ratios within one run, since absolute figures depend on the
 * machine. All features are on: authentication, a lease for each request, metrics, the log. To run one
 * part, name it: `npm run bench -- leases`.
 */
import path from 'node:path';
import { execa } from 'execa';
import { missingPrograms } from './bench/baselines.ts';
import { comparisonBench } from './bench/comparison.ts';
import { costBench } from './bench/cost.ts';
import { leasesBench } from './bench/leases.ts';
import { startBench } from './bench/start.ts';
import { streamsBench } from './bench/streams.ts';
import { workersBench } from './bench/workers.ts';

const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  /** Latency and throughput against nginx and bare express + http-proxy-3. */
  comparison: comparisonBench,
  /** Events through one worker, and many streams. */
  streams: streamsBench,
  /** Two workers against one. */
  workers: workersBench,
  /** The CPU time of each process. */
  cost: costBench,
  /** The key service over its socket, and with Redis. */
  leases: leasesBench,
  /** How soon it serves, and what it takes of memory. */
  start: startBench,
  /** The share of the free quota that is used, over seven simulated days. */
  quota: () => program('packages/kms/bench/quota.ts'),
};

/** Runs a benchmark that belongs to a package. */
async function program(file: string): Promise<void> {
  const source = path.resolve(import.meta.dirname, '..', file);
  await execa({ stdio: 'inherit' })(process.execPath, [source]);
}

const [name = 'all'] = process.argv.slice(2);
const chosen = Object.entries(BENCHES).filter(([known]) => name === 'all' || name === known);
if (chosen.length === 0) {
  console.error(`There is no such benchmark. There are ${Object.keys(BENCHES).join(', ')}.`);
  process.exit(2);
}
const missing = await missingPrograms();
if (missing.length > 0) {
  console.error(
    `Not here: ${missing.join(', ')}. On Debian: apt-get install nginx wrk util-linux redis-server`,
  );
  process.exit(1);
}
for (const [each, bench] of chosen) {
  console.log(`\n== ${each}`);
  await bench();
}
process.exit();
