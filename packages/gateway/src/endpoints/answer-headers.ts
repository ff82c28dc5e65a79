/**
 * Fields by which an answer could act on the gateway's own origin, where the dashboard is, beyond its own bytes:
 * other pages, the browser's storage, its connections, its service workers.
 */
const OF_ORIGIN: ReadonlySet<string> = new Set([
  'accept-ch',
  'activate-storage-access',
  'clear-site-data',
  'content-security-policy',
  'content-security-policy-report-only',
  'critical-ch',
  'expect-ct',
  'link',
  'nel',
  'origin-agent-cluster',
  'origin-trial',
  'public-key-pins',
  'refresh',
  'report-to',
  'reporting-endpoints',
  'service-worker-allowed',
  'set-login',
  'sourcemap',
  'speculation-rules',
  'strict-transport-security',
  'x-sourcemap',
]);

/** What makes an answer data: a browser runs nothing of it, and takes it for no other type. */
export const DATA_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': 'sandbox',
  'x-content-type-options': 'nosniff',
};

/** Whether a field of an upstream answer is withheld because it acts on the origin. */
export function actsOnOrigin(name: string): boolean {
  return OF_ORIGIN.has(name.toLowerCase());
}
