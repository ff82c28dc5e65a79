import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  DEPLOY,
  PROMETHEUS,
  alerts,
  dashboard,
  dashboardText,
  panels,
  queriesOfDashboard,
  read,
  variables,
} from './support/deployed-monitoring.ts';
import { schemaProblems } from './support/grafana-schema.ts';
import { knownMetrics } from './support/known-metrics.ts';
import { metricsOf } from './support/promql.ts';

const rows = dashboard.panels.filter((panel) => panel.type === 'row');
const known = knownMetrics(await read(import.meta.dirname, 'support/metrics.txt'));
/** Prometheus itself adds these metrics for each target. */
const OF_PROMETHEUS = ['up'];

describe('the alerts', () => {
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
