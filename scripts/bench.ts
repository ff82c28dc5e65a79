/**
 * `npm run bench`: the gateway against nginx and against bare express + http-proxy-3, in one run on one
 * machine. Absolute figures mean little elsewhere; the ratios are what counts. Everything is on:
 * authentication, a lease for each request, metrics, the log. Others by name: `quota` (seven simulated
 * days), `leases` (the key service, and Redis),
 * `streams` (events through one worker), `workers` (two against one).
 */
import { missingPrograms } from './bench/baselines.ts';
import { comparisonBench } from './bench/comparison.ts';
import { leasesBench } from './bench/leases.ts';
import { quotaBench } from './bench/quota.ts';
import { streamsBench } from './bench/streams.ts';
import { workersBench } from './bench/workers.ts';

const BENCHES = {
  comparison: comparisonBench,
  quota: quotaBench,
  leases: leasesBench,
  streams: streamsBench,
  workers: workersBench,
} as const;
/** Those that load a server from outside. */
const NEED_PROGRAMS = ['comparison', 'streams', 'workers'];

const { 2: name = 'comparison' } = process.argv;
const bench = Object.entries(BENCHES).find(([known]) => known === name)?.[1];
if (bench === undefined) {
  console.error(`There is no such benchmark. There are ${Object.keys(BENCHES).join(', ')}.`);
  process.exit(2);
}
const missing = NEED_PROGRAMS.includes(name) ? await missingPrograms() : [];
if (missing.length > 0) {
  console.error(`Not here: ${missing.join(', ')}. On Debian: apt-get install nginx wrk util-linux`);
  process.exit(1);
}
await bench();
process.exit();
