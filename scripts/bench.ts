/**
 * `npm run bench`: the gateway against nginx and against bare express + http-proxy-3, in one run on one
 * machine. Absolute figures mean little elsewhere; the ratios are what counts. Everything is on:
 * authentication, a lease for each request, metrics, the log. With `quota` or `leases`: see
 * bench/quota.ts and bench/leases.ts.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import {
  missingPrograms,
  startBareProxy,
  startNginxProxy,
  startUpstream,
} from './bench/baselines.ts';
import { childWith, cpuTime, freePort, pin } from './bench/processes.ts';
import { leasesBench } from './bench/leases.ts';
import { quotaBench } from './bench/quota.ts';
import { productWithoutMetrics } from './bench/variant.ts';

const GATEWAY_CORE = 0;
const LOAD_CORE = 1;
const ROUNDS = 9;
const REQUESTS_PER_ROUND = 200;
const LOAD_ROUNDS = 5;
const ACCESS_KEY = randomBytes(16).toString('hex');
const BODY = JSON.stringify({
  model: 'openai/gpt-4o',
  messages: [{ role: 'user', content: 'x'.repeat(1330) }],
});
const HEADERS = { authorization: `Bearer ${ACCESS_KEY}`, 'content-type': 'application/json' };

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

const LAUNCHER = path.resolve(import.meta.dirname, '../packages/launcher/dist/main.js');

/** Starts the product itself, in front of `upstream`, its gateway alone on its core. */
async function startProduct(folder: string, upstream: string, launcher = LAUNCHER) {
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const keys = Array.from({ length: 5 }, () => `sk-or-v1-${randomBytes(32).toString('hex')}`);
  const config = path.join(folder, 'config.yml');
  await writeFile(
    config,
    JSON.stringify({
      server: {
        ...{ port, access_key: ACCESS_KEY, log_format: 'json' },
        enable_token_counting: launcher === LAUNCHER,
      },
      openrouter: { keys, base_url: `${upstream}/api/v1` },
    }),
    { mode: 0o600 },
  );
  const child = execa(process.execPath, [launcher, '--config', config], {
    stdout: { file: path.join(folder, 'log') },
    reject: false,
  });
  const url = `http://127.0.0.1:${port}`;
  while (
    !(await fetch(`${url}/health`).then(
      (answer) => answer.ok,
      () => false,
    ))
  )
    await sleep(50);
  const pid = Number(child.pid);
  const gateway = await childWith(pid, 'gateway');
  await pin(gateway, GATEWAY_CORE);
  await pin(await childWith(pid, 'kms'), LOAD_CORE);
  return {
    url,
    gateway,
    async stop() {
      child.kill('SIGTERM');
      await child;
    },
  };
}

/** Milliseconds of each of a row of requests, one at a time on one connection. */
async function latencies(url: string, agent: Agent, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const startedAt = performance.now();
    const sent = request(`${url}/api/v1/chat/completions`, {
      method: 'POST',
      agent,
      headers: { ...HEADERS, 'content-length': BODY.length },
    });
    sent.end(BODY);
    const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
    response.resume();
    await once(response, 'end');
    if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}`);
    times.push(performance.now() - startedAt);
  }
  return times;
}

/** Added latency: interleaved rounds, the median of each round's median, less the direct call's. */
async function addedLatency(servers: Record<string, string>): Promise<Record<string, number>> {
  const rounds = Object.fromEntries(Object.keys(servers).map((name) => [name, [] as number[]]));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const [name, url] of Object.entries(servers)) {
      const result = median(await latencies(url, agent, REQUESTS_PER_ROUND));
      if (round >= 0) rounds[name]?.push(result); // the first round warms up
    }
  }
  agent.destroy();
  const direct = median(rounds['direct'] ?? []);
  return Object.fromEntries(
    Object.entries(rounds).map(([name, values]) => [name, median(values) - direct]),
  );
}

/** A server under load; of some it is known which process to look at. */
interface Server {
  readonly url: string;
  readonly gateway?: number;
}

/** Of a server with 64 connections, the medians of interleaved rounds. */
interface UnderLoad {
  /** Requests a second. */
  readonly rate: number;
  /** The gateway's CPU time for a request, in microseconds. */
  readonly cpuUs: number;
}

async function underLoad(
  folder: string,
  servers: Record<string, Server>,
): Promise<Record<string, UnderLoad>> {
  const script = path.join(folder, 'post.lua');
  const headers = Object.entries(HEADERS).map(
    ([name, value]) => `wrk.headers["${name}"]="${value}"`,
  );
  await writeFile(script, `wrk.method="POST"\nwrk.body=[[${BODY}]]\n${headers.join('\n')}\n`);
  const seen: Record<string, { rates: number[]; cpuUs: number[] }> = {};
  for (let round = -1; round < LOAD_ROUNDS; round += 1) {
    for (const [name, { url, gateway }] of Object.entries(servers)) {
      const cpuBefore = gateway === undefined ? NaN : await cpuTime(gateway);
      const { stdout } =
        await execa`taskset -c ${LOAD_CORE} wrk -t1 -c64 -d5s -s ${script} ${url}/api/v1/chat/completions`;
      if (stdout.includes('Non-2xx')) throw new Error(`${name} failed under load:\n${stdout}`);
      const cpuUs = gateway === undefined ? NaN : (await cpuTime(gateway)) - cpuBefore;
      const count = Number(/(\d+) requests in/.exec(stdout)?.[1]);
      if (round < 0) continue; // warming up
      const { rates, cpuUs: costs } = (seen[name] ??= { rates: [], cpuUs: [] });
      rates.push(Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]));
      costs.push(cpuUs / count);
    }
  }
  const medians = Object.entries(seen).map(
    ([name, { rates, cpuUs }]) => [name, { rate: median(rates), cpuUs: median(cpuUs) }] as const,
  );
  return Object.fromEntries(medians);
}

if (process.argv[2] === 'quota') {
  await quotaBench();
  process.exit();
}

if (process.argv[2] === 'leases') {
  await leasesBench();
  process.exit();
}

const missing = await missingPrograms();
if (missing.length > 0) {
  console.error(`Not here: ${missing.join(', ')}. On Debian: apt-get install nginx wrk util-linux`);
  process.exit(1);
}
const folder = await mkdtemp(path.join(tmpdir(), 'bench-'));
const running: { stop(): Promise<void> }[] = [];
try {
  const upstream = await startUpstream(path.join(folder, 'upstream'), LOAD_CORE);
  running.push(upstream);
  const nginx = await startNginxProxy(path.join(folder, 'proxy'), GATEWAY_CORE, upstream.url);
  running.push(nginx);
  const bare = await startBareProxy(GATEWAY_CORE, upstream.url);
  running.push(bare);
  const product = await startProduct(path.join(folder, 'product'), upstream.url);
  running.push(product);
  const variant = await productWithoutMetrics(path.join(folder, 'variant'));
  const blind = await startProduct(path.join(folder, 'blind'), upstream.url, variant);
  running.push(blind);
  await sleep(500);

  const proxies: Record<string, Server> = {
    nginx,
    'express + http-proxy-3': bare,
    gateway: product,
    'gateway without metrics': blind,
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
  const [full, without] = [load['gateway'], load['gateway without metrics']];
  const cost = `${full?.cpuUs.toFixed(0)} µs of CPU a request, ${without?.cpuUs.toFixed(0)} µs without`;
  console.log(`\nmetrics and token counting: ${cost} (${of(without?.cpuUs, full?.cpuUs)})`);
} finally {
  for (const server of running.toReversed()) await server.stop();
  await rm(folder, { recursive: true });
}
