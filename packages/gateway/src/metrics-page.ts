import type { KmsStatus } from './health.ts';

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } td, th { padding: .2rem 1rem .2rem 0; text-align: left; }
pre { overflow-x: auto; font-size: .8rem; }`;

/** Served with the page: nothing but its own style may run or load. */
export const PAGE_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function keyRows(status: KmsStatus): string {
  if (status === null) return '<p><strong>The key service does not answer.</strong></p>';
  const { available, cooling, disabled } = status.keys;
  const rows = [
    ['in service', available],
    ['cooling', cooling],
    ['disabled', disabled],
    ['leases in flight', status.leasesInFlight],
  ];
  const cells = rows.map(
    ([name, count]) => `<tr><th scope="row">${name}</th><td>${count}</td></tr>`,
  );
  return `<table>${cells.join('')}</table>`;
}

/** The metrics as a page for a person: the state of the keys, and every metric as text. */
export function metricsPage(status: KmsStatus, metrics: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>openrouter-proxy</title>
<style>${STYLE}</style>
<h1>openrouter-proxy</h1>
<h2>Keys</h2>
${keyRows(status)}
<h2>Metrics</h2>
<p><a href="/metrics/raw">Raw, for Prometheus</a></p>
<pre>${escapeHtml(metrics)}</pre>
</html>
`;
}
