/**
 * `npm run bench`: the gateway against nginx and against bare express + http-proxy-3, in one run on one
 * machine. Absolute figures mean little elsewhere; the ratios are what counts. Everything is on:
 * authentication, a lease for each request, metrics, the log. With `quota`: see bench/quota.ts.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
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
import { childWith, freePort, pin } from './bench/processes.ts';
import { quotaBench } from './bench/quota.ts';

const GATEWAY_CORE = 0;
const LOAD_CORE = 1;
const ROUNDS = 9;
const REQUESTS_PER_ROUND = 200;
const ACCESS_KEY = randomBytes(16).toString('hex');
const BODY = JSON.stringify({
  model: 'openai/gpt-4o',
  messages: [{ role: 'user', content: 'x'.repeat(1330) }],
});
const HEADERS = { authorization: `Bearer ${ACCESS_KEY}`, 'content-type': 'application/json' };

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

/** Starts the product itself, in front of `upstream`, its gateway alone on its core. */
async function startProduct(folder: string, upstream: string) {
  const port = await freePort();
  const launcher = path.resolve(import.meta.dirname, '../packages/launcher/dist/main.js');
  const keys = Array.from({ length: 5 }, () => `sk-or-v1-${randomBytes(32).toString('hex')}`);
  const config = path.join(folder, 'config.yml');
  await writeFile(
    config,
    JSON.stringify({
      server: { port, access_key: ACCESS_KEY, log_format: 'json' },
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
  await pin(await childWith(pid, 'gateway'), GATEWAY_CORE);
  await pin(await childWith(pid, 'kms'), LOAD_CORE);
  return {
    url,
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

/** Requests a second with 64 connections, the median of three interleaved rounds. */
async function throughput(folder: string, servers: Record<string, string>) {
  const script = path.join(folder, 'post.lua');
  const headers = Object.entries(HEADERS).map(
    ([name, value]) => `wrk.headers["${name}"]="${value}"`,
  );
  await writeFile(script, `wrk.method="POST"\nwrk.body=[[${BODY}]]\n${headers.join('\n')}\n`);
  const rates: Record<string, number[]> = {};
  for (let round = -1; round < 3; round += 1) {
    for (const [name, url] of Object.entries(servers)) {
      const { stdout } =
        await execa`taskset -c ${LOAD_CORE} wrk -t1 -c64 -d5s -s ${script} ${url}/api/v1/chat/completions`;
      if (stdout.includes('Non-2xx')) throw new Error(`${name} failed under load:\n${stdout}`);
      const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
      if (round >= 0) (rates[name] ??= []).push(rate);
    }
  }
  return Object.fromEntries(Object.entries(rates).map(([name, values]) => [name, median(values)]));
}

if (process.argv[2] === 'quota') {
  await quotaBench();
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
  const product = await startProduct(folder, upstream.url);
  running.push(product);
  await sleep(500);

  const proxies = { nginx: nginx.url, 'express + http-proxy-3': bare.url, gateway: product.url };
  const added = await addedLatency({ direct: upstream.url, ...proxies });
  const rates = await throughput(folder, proxies);
  const of = (part: number | undefined, whole: number | undefined) =>
    ((part ?? NaN) / (whole ?? NaN)).toFixed(2);
  console.log('\nadded latency, one at a time (median of medians)');
  for (const name of Object.keys(proxies)) {
    const ms = added[name]?.toFixed(3);
    console.log(`  ${name.padEnd(24)} ${ms} ms   ${of(added[name], added['nginx'])} × nginx`);
  }
  console.log('\nrequests per second, 64 connections, one core');
  for (const name of Object.keys(proxies)) {
    const rate = rates[name]?.toFixed(0).padStart(7);
    const shares = `${of(rates[name], rates['nginx'])} × nginx, ${of(rates[name], rates['express + http-proxy-3'])} × bare`;
    console.log(`  ${name.padEnd(24)} ${rate}   ${shares}`);
  }
} finally {
  for (const server of running.toReversed()) await server.stop();
  await rm(folder, { recursive: true });
}
