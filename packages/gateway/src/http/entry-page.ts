import accepts from 'accepts';
import type { Exchange } from './exchange.ts';
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
 * Answers `/`, `/api`, `/v1` and `/api/v1`, which people and programs try first. A browser at `/` is led
 * to the dashboard. Nothing of it is secret.
 */
export function answerEntry(
  exchange: Exchange,
  { isRoot }: Extract<RequestTarget, { kind: 'entry' }>,
): void {
  if (isRoot && accepts(exchange.request).type(['json', 'html']) === 'html') {
    exchange.answer(303, Buffer.alloc(0), { ...HEADERS, location: '/metrics' });
    return;
  }
  exchange.answerJson(200, GUIDE, { ...HEADERS, 'access-control-allow-origin': '*' });
}
