import { freePort } from '@openrouter-proxy/end-to-end';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { startProduct, type Product } from '../support/product.ts';
import { makeTrafficForMetrics } from '../support/scrape.ts';
import { temporaryFolder } from '../support/system.ts';

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
  const result = async () => {
    const response = await fetch(url).catch(() => undefined); // Prometheus does not listen yet
    const found = response?.ok === true ? ((await response.json()) as QueryAnswer) : undefined;
    return found?.data.result ?? [];
  };
  let found: QueryAnswer['data']['result'] = [];
  await expect.poll(async () => (found = await result()), { message: query }).not.toEqual([]);
  return found.map(({ metric, value }) => [metric, Number(value[1])]);
}

it('a Prometheus that is told nothing but the target and the key takes every metric', async () => {
  const product = await startProduct(2);
  await makeTrafficForMetrics(product);
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
});
