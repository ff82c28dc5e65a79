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

/** A server under load, and the processes to look at meanwhile. */
export interface Server {
  readonly url: string;
  readonly processes?: Readonly<Record<string, number>>;
}

/** Of a server with 64 connections, the medians of interleaved rounds. */
export interface UnderLoad {
  /** Requests a second. */
  readonly rate: number;
  /** CPU time for a request, in microseconds, by process. */
  readonly cpuUs: Readonly<Record<string, number>>;
}

/** The CPU time that processes have taken so far, in microseconds. */
async function cpuTimes(processes: Readonly<Record<string, number>>): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  for (const [name, pid] of Object.entries(processes)) times.set(name, await cpuTime(pid));
  return times;
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
  const seen = new Map<string, { rates: number[]; costs: Map<string, number[]> }>();
  for (let round = -1; round < LOAD_ROUNDS; round += 1) {
    for (const [name, { url, processes = {} }] of Object.entries(servers)) {
      const before = await cpuTimes(processes);
      const { stdout } =
        await execa`taskset -c ${LOAD_CORE} wrk -t1 -c64 -d5s -s ${script} ${url}/api/v1/chat/completions`;
      if (stdout.includes('Non-2xx')) throw new Error(`${name} failed under load:\n${stdout}`);
      const after = await cpuTimes(processes);
      if (round < 0) continue; // warming up
      const of = seen.get(name) ?? { rates: [], costs: new Map<string, number[]>() };
      seen.set(name, of);
      of.rates.push(Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]));
      const count = Number(/(\d+) requests in/.exec(stdout)?.[1]);
      for (const [process, us] of after) {
        const cost = (us - (before.get(process) ?? NaN)) / count;
        of.costs.set(process, [...(of.costs.get(process) ?? []), cost]);
      }
    }
  }
  const medians = [...seen].map(([name, { rates, costs }]) => {
    const cpuUs = Object.fromEntries([...costs].map(([process, all]) => [process, median(all)]));
    return [name, { rate: median(rates), cpuUs }] as const;
  });
  return Object.fromEntries(medians);
}
