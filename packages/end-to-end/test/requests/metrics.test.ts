import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { knownMetrics } from '../monitoring/support/known-metrics.ts';
import { startProduct } from '../support/product.ts';
import { makeTrafficForMetrics, scrape } from '../support/scrape.ts';

const FIXTURE = path.resolve(import.meta.dirname, '../monitoring/support/metrics.txt');

it('every metric that dashboards and alerts are checked against is there', async () => {
  const product = await startProduct(2);
  await makeTrafficForMetrics(product);
  const known = knownMetrics(await scrape(product, 'text/plain'));
  expect([...known]).toEqual(
    expect.arrayContaining([...knownMetrics(await readFile(FIXTURE, 'utf8'))]),
  );
});

it('OpenMetrics is written for who asks for it, and ends as it must', async () => {
  const product = await startProduct(2);
  await makeTrafficForMetrics(product);
  const text = await scrape(product, 'application/openmetrics-text;version=1.0.0');
  expect(text.endsWith('\n# EOF\n')).toBe(true);
  expect(text).toContain('# TYPE openrouter_proxy_requests counter\n');
  expect(text).toContain(
    '\nopenrouter_proxy_requests_total{api="chat",code="200",client="default"} 2\n',
  );
});
