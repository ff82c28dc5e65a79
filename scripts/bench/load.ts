import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { Agent, request, type IncomingMessage } from 'node:http';
import path from 'node:path';
import { execa } from 'execa';
import { cpuTime } from './processes.ts';
import { ACCESS_KEY, LOAD_CORE } from './product.ts';

const ROUNDS = 9;
const REQUESTS_PER_ROUND = 200;
const LOAD_ROUNDS = 5;
const BODY = JSON.stringify({
  model: 'openai/gpt-4o',
  messages: [{ role: 'user', content: 'x'.repeat(1330) }],
});
const HEADERS = { authorization: `Bearer ${ACCESS_KEY}`, 'content-type': 'application/json' };

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

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
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
    if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}`);
    times.push(performance.now() - startedAt);
  }
  return times;
}

/** Added latency: interleaved rounds, the median of each round's median, less the direct call's. */
export async function addedLatency(
  servers: Record<string, string>,
): Promise<Record<string, number>> {
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
export interface Server {
  readonly url: string;
  readonly gateway?: number;
}

/** Of a server with 64 connections, the medians of interleaved rounds. */
export interface UnderLoad {
  /** Requests a second. */
  readonly rate: number;
  /** The gateway's CPU time for a request, in microseconds. */
  readonly cpuUs: number;
}

export async function underLoad(
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
