import { execa } from 'execa';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { knownMetrics } from '../support/known-metrics.ts';
import { isMissing } from '../support/missing-command.ts';
import { FREE_MODEL, PAID_MODEL, startProduct, type Product } from './support/product.ts';
import { temporaryFolder } from './support/system.ts';

const FIXTURE = path.resolve(import.meta.dirname, '../fixtures/metrics.txt');

/** Has everything happen once of which metrics tell. */
async function makeTraffic({ fake, system, accessKey }: Product): Promise<void> {
  fake.rules.add({
    match: { method: 'POST' },
    fault: { kind: 'refuse', family: 'key_limit' },
    times: 1,
  });
  for (const model of [PAID_MODEL, FREE_MODEL]) {
    const response = await fetch(`${system.url}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${accessKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Hello' }] }),
    });
    expect(response.status).toBe(200);
    await response.text();
  }
  await (await fetch(`${system.url}/api/v1/models`)).text();
}

const scrape = async ({ system, accessKey }: Product, accept: string) =>
  (
    await fetch(`${system.url}/metrics`, {
      headers: { authorization: `Bearer ${accessKey}`, accept },
    })
  ).text();

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

/** A Prometheus with nothing but a target; what it is not told is as it comes. */
async function startPrometheus({ system, accessKey }: Product): Promise<string> {
  const folder = await temporaryFolder();
  const job = {
    job_name: 'openrouter-proxy',
    authorization: { credentials: accessKey },
    static_configs: [{ targets: [new URL(system.url).host] }],
  };
  const config = { global: { scrape_interval: '1s' }, scrape_configs: [job] };
  await writeFile(path.join(folder, 'prometheus.yml'), stringify(config));
  const address = `127.0.0.1:${await freePort()}`;
  const prometheus = execa({ cwd: folder, reject: false, all: true })('prometheus', [
    '--config.file=prometheus.yml',
    '--storage.tsdb.path=data',
    `--web.listen-address=${address}`,
  ]);
  onTestFinished(async () => {
    prometheus.kill('SIGTERM');
    await prometheus;
  });
  return `http://${address}`;
}

interface QueryAnswer {
  data: { result: { metric: object; value: [number, string] }[] };
}

/** What Prometheus answers to a query, as soon as it has an answer. */
async function ask(prometheus: string, query: string): Promise<[labels: object, value: number][]> {
  const url = `${prometheus}/api/v1/query?${new URLSearchParams({ query }).toString()}`;
  const deadline = Date.now() + 15_000;
  while (Date.now() < deadline) {
    const response = await fetch(url).catch(() => undefined); // it does not listen yet
    const found = response?.ok === true ? ((await response.json()) as QueryAnswer) : undefined;
    const result = found?.data.result ?? [];
    if (result.length > 0) return result.map(({ metric, value }) => [metric, Number(value[1])]);
    await sleep(100);
  }
  throw new Error(`no answer to ${query}`);
}

it.skipIf(isMissing('prometheus'))(
  'a Prometheus that is told nothing but the target and the key takes every metric',
  { timeout: 60_000 },
  async () => {
    const product = await startProduct(2);
    await makeTraffic(product);
    const prometheus = await startPrometheus(product);
    expect(await ask(prometheus, 'up == 1')).toHaveLength(1);
    const [[, samples] = [{}, 0]] = await ask(prometheus, 'scrape_samples_scraped');
    expect(samples).toBeGreaterThan(100);
    const [[labels, requests] = [{}, 0]] = await ask(
      prometheus,
      'openrouter_proxy_requests_total{api="chat"}',
    );
    expect([labels, requests]).toEqual([
      expect.objectContaining({ code: '200', client: 'default', job: 'openrouter-proxy' }),
      2,
    ]);
    expect(
      await ask(
        prometheus,
        'histogram_quantile(0.5, openrouter_proxy_time_to_first_byte_seconds_bucket{api="chat"})',
      ),
    ).toHaveLength(1);
    const { data } = (await (await fetch(`${prometheus}/api/v1/targets`)).json()) as {
      data: { activeTargets: { health: string; lastError: string }[] };
    };
    expect(data.activeTargets).toMatchObject([{ health: 'up', lastError: '' }]);
  },
);

it.skipIf(isMissing('promtool'))('promtool finds no fault with the text', async () => {
  const product = await startProduct(2);
  await makeTraffic(product);
  const text = await scrape(product, 'text/plain');
  const { all, exitCode } = await execa({
    input: text,
    all: true,
    reject: false,
  })`promtool check metrics`;
  expect([exitCode, all]).toEqual([0, '']);
});

it('every metric that dashboards and alerts are checked against is there', async () => {
  const product = await startProduct(2);
  await makeTraffic(product);
  const known = knownMetrics(await scrape(product, 'text/plain'));
  expect([...known]).toEqual(
    expect.arrayContaining([...knownMetrics(await readFile(FIXTURE, 'utf8'))]),
  );
});

it('OpenMetrics is written for who asks for it, and ends as it must', async () => {
  const product = await startProduct(2);
  await makeTraffic(product);
  const text = await scrape(product, 'application/openmetrics-text;version=1.0.0');
  expect(text.endsWith('\n# EOF\n')).toBe(true);
  expect(text).toContain('# TYPE openrouter_proxy_requests counter\n');
  expect(text).toContain(
    '\nopenrouter_proxy_requests_total{api="chat",code="200",client="default"} 2\n',
  );
});
