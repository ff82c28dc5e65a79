import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { PROMETHEUS, alerts, queriesOfDashboard, read } from './support/deployed-monitoring.ts';
import { startProduct } from '../support/product.ts';
import { makeTrafficForMetrics, scrape } from '../support/scrape.ts';
import { temporaryFolder } from '../support/system.ts';

/** The output of `promtool`; throws with the output if promtool reports a fault. */
async function promtool(...args: readonly string[]): Promise<string> {
  const { all } = await execa({ all: true })`promtool ${args}`;
  return all;
}

describe('Prometheus takes', () => {
  it('the alert rules', async () => {
    const said = await promtool('check', 'rules', path.join(PROMETHEUS, 'alerts.yml'));
    expect(said).toContain(`SUCCESS: ${alerts.length} rules found`);
  });

  it('the example configuration, once its key file is there', async () => {
    const folder = await temporaryFolder();
    const keyFile = '/etc/prometheus/openrouter-proxy.access-key';
    const config = await read(PROMETHEUS, 'prometheus.yml');
    expect(config).toContain(keyFile);
    const ours = path.join(folder, 'access-key');
    await writeFile(ours, 'key');
    await writeFile(path.join(folder, 'alerts.yml'), await read(PROMETHEUS, 'alerts.yml'));
    const file = path.join(folder, 'prometheus.yml');
    await writeFile(file, config.replace(keyFile, ours));
    expect(await promtool('check', 'config', file)).toContain('1 rule files found');
  });

  it('every query of the dashboard', async () => {
    const file = path.join(await temporaryFolder(), 'queries.yml');
    const recorded = queriesOfDashboard.map((expr, n) => ({ record: `query_${n}`, expr }));
    await writeFile(file, stringify({ groups: [{ name: 'dashboard', rules: recorded }] }));
    const said = await promtool('check', 'rules', file);
    expect(said).toContain(`SUCCESS: ${queriesOfDashboard.length} rules found`);
  });
});

it('the alerts fire when they should, and only then', async () => {
  const said = await promtool('test', 'rules', path.join(PROMETHEUS, 'alerts.test.yml'));
  expect(said).toContain('SUCCESS');
});

it('promtool finds no fault with the text of the metrics', async () => {
  const product = await startProduct(2);
  await makeTrafficForMetrics(product);
  const input = await scrape(product, 'text/plain');
  const { all, exitCode } = await execa({
    ...{ input, all: true, reject: false },
  })`promtool check metrics`;
  expect([exitCode, all]).toEqual([0, '']);
});
