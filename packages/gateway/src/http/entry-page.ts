import accepts from 'accepts';
import type { RequestContext } from '../response/request-context.ts';
import type { RequestTarget } from './request-target.ts';

const GUIDE = {
  service: 'openrouter-proxy',
  message:
    'The API is under /api/v1 (and /v1), with the access key. The dashboard is /metrics, health is /health.',
  api: '/api/v1',
  dashboard: '/metrics',
  health: '/health',
};
const HEADERS = { 'cache-control': 'no-store', vary: 'Accept' };

/**
 * Answers `/`, `/api`, `/v1` and `/api/v1`, which people and programs try first. It redirects a browser
 * at `/` to the dashboard. Needs no access key: it says nothing secret.
 */
export function answerEntry(
  { request, writer }: RequestContext,
  { isRoot }: Extract<RequestTarget, { kind: 'entry' }>,
): void {
  if (isRoot && accepts(request).type(['json', 'html']) === 'html') {
    writer.answer(303, Buffer.alloc(0), { ...HEADERS, location: '/metrics' });
    return;
  }
  writer.answerJson(200, GUIDE, { ...HEADERS, 'access-control-allow-origin': '*' });
}
