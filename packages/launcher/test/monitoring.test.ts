import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse, stringify } from 'yaml';
import type { GrafanaDashboard } from './support/grafana-dashboard.ts';
import { schemaProblems } from './support/grafana-schema.ts';
import { knownMetrics } from './support/known-metrics.ts';
import { isMissing } from './support/missing-command.ts';
import { promtool } from './support/promtool.ts';
import { metricsOf } from './support/promql.ts';

interface Alert {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: Record<string, string>;
}

const DEPLOY = path.resolve(import.meta.dirname, '../../../deploy');
const PROMETHEUS = path.join(DEPLOY, 'prometheus');
const read = (...names: string[]) => readFile(path.join(...names), 'utf8');

const rules = parse(await read(PROMETHEUS, 'alerts.yml')) as { groups: { rules: Alert[] }[] };
const alerts = rules.groups.flatMap((group) => group.rules);
const dashboardText = await read(DEPLOY, 'grafana/openrouter-proxy.json');
// What Grafana's types say of it is a test of its own.
const dashboard = JSON.parse(dashboardText) as GrafanaDashboard;
const rows = dashboard.panels.filter((panel) => panel.type === 'row');
const panels = dashboard.panels.filter((panel) => panel.type !== 'row');
const variables = dashboard.templating?.list ?? [];

const known = knownMetrics(await read(import.meta.dirname, 'fixtures/metrics.txt'));
/** What Prometheus itself adds for each target. */
const OF_PROMETHEUS = ['up'];

/** A query as Grafana sends it, with values in the place of its variables. */
const withoutVariables = (query: string) =>
  query.replaceAll(/\$__(rate_interval|range)\b/g, '5m').replaceAll('$instance', 'a|b');

const LABEL_VALUES = /^label_values\((?<query>.+), \w+\)$/;
const queriesOfVariables = variables.flatMap(({ query }) => {
  const text = typeof query === 'object' ? String(query['query']) : (query ?? '');
  return LABEL_VALUES.exec(text)?.groups?.['query'] ?? [];
});
const queriesOfDashboard = [
  ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ...dashboard.annotations.list.flatMap(({ target }) => target?.expr ?? []),
  ...queriesOfVariables,
].map(withoutVariables);

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'monitoring-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

describe.skipIf(isMissing('promtool'))('Prometheus takes', () => {
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

describe('the alerts', () => {
  it.skipIf(isMissing('promtool'))('fire when they should, and only then', async () => {
    const said = await promtool('test', 'rules', path.join(PROMETHEUS, 'alerts.test.yml'));
    expect(said).toContain('SUCCESS');
  });

  it('are all seen firing in the tests of the rules', async () => {
    const tests = await read(PROMETHEUS, 'alerts.test.yml');
    const fired = Array.from(tests.matchAll(/\balertname="(\w+)"/g), ([, name]) => name);
    expect(new Set(fired)).toEqual(new Set(alerts.map(({ alert }) => alert)));
  });

  it.each(alerts)('$alert says how bad it is, what happens, and what to do', (alert) => {
    expect(alert.labels.severity).toMatch(/^(critical|warning|info)$/);
    expect(alert.annotations).toEqual({
      summary: expect.stringMatching(/./) as string,
      description: expect.stringMatching(/.{80}/) as string,
      runbook: expect.stringMatching(/^docs\/[\w-]+\.md(#[\w-]+)?$/) as string,
    });
  });

  it.each(alerts)('$alert leads to a section of the documents', async ({ annotations }) => {
    const [file = '', section] = (annotations['runbook'] ?? '').split('#');
    const text = await read(DEPLOY, '..', file);
    const sections = Array.from(text.matchAll(/^#+ (.+)$/gm), ([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    );
    if (section !== undefined) expect(sections).toContain(section);
  });

  it.each(alerts)('$alert names no label that its expression drops', ({ expr, annotations }) => {
    const kept = /by \(([^)]*)\)/.exec(expr)?.[1]?.split(', ') ?? ['job', 'instance'];
    const texts = Object.values(annotations).join('\n');
    const named = Array.from(texts.matchAll(/\$labels\.(\w+)/g), ([, label]) => label);
    expect(kept).toEqual(expect.arrayContaining(named));
  });

  it.each(alerts)('$alert asks for metrics that there are', ({ expr }) => {
    expect([...known, ...OF_PROMETHEUS]).toEqual(expect.arrayContaining([...metricsOf(expr)]));
  });

  it('watch the job that the example configuration scrapes', async () => {
    const config = parse(await read(PROMETHEUS, 'prometheus.yml')) as {
      scrape_configs: { job_name: string }[];
    };
    const scraped = config.scrape_configs.map(({ job_name: name }) => name);
    const watched = alerts.flatMap(({ expr }) =>
      Array.from(expr.matchAll(/job="([^"]*)"/g), ([, job]) => job),
    );
    expect(new Set(watched)).toEqual(new Set(scraped));
  });
});

describe('the Grafana dashboard', () => {
  it('is one by the types that Grafana publishes', () => {
    expect(schemaProblems(dashboardText)).toEqual([]);
  });

  it('gives every panel an id of its own', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(ids).not.toContain(undefined);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('lets no panel overlap another or leave the grid', () => {
    const taken = new Map<string, string>();
    for (const { title = '', gridPos = { x: 0, y: 0, w: 0, h: 0 } } of dashboard.panels) {
      const { x, y, w, h } = gridPos;
      expect(w * h, `${title} has no size`).toBeGreaterThan(0);
      expect(x + w, `${title} is too wide`).toBeLessThanOrEqual(24);
      for (let cell = 0; cell < w * h; cell += 1) {
        const place = `${x + (cell % w)}/${y + Math.floor(cell / w)}`;
        expect(taken.get(place), `under ${title}`).toBeUndefined();
        taken.set(place, title);
      }
    }
  });

  it('begins with a row, and no row is empty', () => {
    const inOrder = dashboard.panels.map(({ type }) => (type === 'row' ? 'row' : 'panel'));
    expect(inOrder[0]).toBe('row');
    expect(inOrder.join(' ')).not.toMatch(/row row|row$/);
    expect(rows.map(({ panels: inside }) => inside)).toEqual(rows.map(() => []));
  });

  it.each(panels)('the panel "$title" says what it shows, in which unit', (panel) => {
    expect(panel.title).toMatch(/./);
    expect(panel.description).toMatch(/./);
    expect(panel.fieldConfig.defaults.unit).toMatch(/./);
  });

  it.each(panels)('the panel "$title" asks the chosen data source', ({ datasource, targets }) => {
    const chosen = { type: 'prometheus', uid: '${datasource}' };
    expect([datasource, ...targets.map((target) => target.datasource)]).toEqual(
      Array.from({ length: targets.length + 1 }, () => chosen),
    );
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
  });

  it.each(panels)('the panel "$title" shows the chosen gateways only', ({ targets }) => {
    for (const { expr } of targets) {
      const selected = expr.match(/\{/g)?.length ?? 0;
      expect(expr.match(/\{instance=~"\$instance"[,}]/g), expr).toHaveLength(selected);
    }
  });

  it('uses only variables that it has', () => {
    const used = Array.from(dashboardText.matchAll(/\$\{?(?!__)(\w+)/g), ([, name]) => name);
    expect(variables.map(({ name }) => name)).toEqual(expect.arrayContaining(used));
  });

  it('takes the rate of counters and the buckets of histograms, never their bare values', () => {
    for (const query of queriesOfDashboard) {
      const bare = /(?<!(?:rate|increase)\()\b\w+_(?:total|bucket|sum|count)\{/.exec(query);
      expect(bare, query).toBeNull();
    }
  });

  it('shows nothing but metrics that there are', () => {
    const shown = queriesOfDashboard.flatMap((query) => [...metricsOf(query)]);
    expect(shown.length).toBeGreaterThan(panels.length);
    expect([...known]).toEqual(expect.arrayContaining(shown));
  });
});
