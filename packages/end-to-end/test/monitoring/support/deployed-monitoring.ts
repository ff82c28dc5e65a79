import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import type { GrafanaDashboard } from './grafana-dashboard.ts';

/** A Prometheus alert rule. */
export interface Alert {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: Record<string, string>;
}

export const DEPLOY = path.resolve(import.meta.dirname, '../../../../../deploy');
export const PROMETHEUS = path.join(DEPLOY, 'prometheus');

/** Reads a text file whose path is given in parts. */
export const read = (...names: string[]) => readFile(path.join(...names), 'utf8');

const rules = parse(await read(PROMETHEUS, 'alerts.yml')) as { groups: { rules: Alert[] }[] };
export const alerts = rules.groups.flatMap((group) => group.rules);
export const dashboardText = await read(DEPLOY, 'grafana/openrouter-proxy.json');
// A test of its own checks the text against Grafana's types.
export const dashboard = JSON.parse(dashboardText) as GrafanaDashboard;
export const panels = dashboard.panels.filter((panel) => panel.type !== 'row');
export const variables = dashboard.templating?.list ?? [];

/** A query as Grafana sends it, with values in the place of its variables. */
const withoutVariables = (query: string) =>
  query.replaceAll(/\$__(rate_interval|range)\b/g, '5m').replaceAll('$instance', 'a|b');

const LABEL_VALUES = /^label_values\((?<query>.+), \w+\)$/;
const queriesOfVariables = variables.flatMap(({ query }) => {
  const text = typeof query === 'object' ? String(query['query']) : (query ?? '');
  return LABEL_VALUES.exec(text)?.groups?.['query'] ?? [];
});
/** Every PromQL query of the Grafana dashboard. */
export const queriesOfDashboard = [
  ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ...dashboard.annotations.list.flatMap(({ target }) => target?.expr ?? []),
  ...queriesOfVariables,
].map(withoutVariables);
