import { describe, expect, it } from 'vitest';
import { startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';

const BROWSER = 'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
const PATHS = ['/', '/api', '/api/', '/v1', '/v1/', '/api/v1', '/api/v1/', '/api/v1?x=1'];
const ask = (method: string, path: string, ...lines: string[]) =>
  [`${method} ${path} HTTP/1.1`, 'Host: gateway', ...lines, '\r\n'].join('\r\n');

describe('the addresses that are tried first', () => {
  it.each(PATHS)('%s says where the API is, without a key or a lease', async (path) => {
    const gateway = await startTestGateway('http://127.0.0.1:1');
    const answer = await gateway.send(ask('GET', path));
    expect(statusOf(answer)).toBe(200);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ api: '/api/v1', health: '/health' });
    expect(answer.body.toString()).not.toContain('status'); // only /health knows how it stands
    const length = headerLines(answer, 'content-length');
    const withoutBody = await gateway.send(ask('HEAD', path));
    expect([statusOf(withoutBody), withoutBody.body.length]).toEqual([200, 0]);
    expect(headerLines(withoutBody, 'content-length')).toEqual(length);
    expect(gateway.keys.leases).toBe(0);
    expect(gateway.records.map(({ failure, api }) => [failure, api])).toEqual([
      [null, null],
      [null, null],
    ]);
    expect(gateway.log.filter(({ level }) => level !== 'DEBUG')).toEqual([]);
  });

  it('leads a browser from / to the dashboard', async () => {
    const gateway = await startTestGateway('http://127.0.0.1:1');
    for (const method of ['GET', 'HEAD']) {
      const answer = await gateway.send(ask(method, '/', BROWSER));
      expect([statusOf(answer), headerLines(answer, 'location')]).toEqual([303, ['/metrics']]);
    }
  });

  it.each(PATHS.slice(1))('never leads away from %s, not even a browser', async (path) => {
    const gateway = await startTestGateway('http://127.0.0.1:1');
    const answer = await gateway.send(ask('GET', path, BROWSER));
    expect([statusOf(answer), headerLines(answer, 'location')]).toEqual([200, []]);
  });

  it('answers programs in JSON, whatever Accept they send', async () => {
    const gateway = await startTestGateway('http://127.0.0.1:1');
    for (const accept of [
      '*/*',
      'application/json',
      'text/plain',
      'application/json, text/html;q=0.5',
    ]) {
      const answer = await gateway.send(ask('GET', '/', `Accept: ${accept}`));
      expect([accept, statusOf(answer)]).toEqual([accept, 200]);
      expect(headerLines(answer, 'content-type')).toEqual(['application/json']);
    }
  });

  it('is read by browser programs of any origin under the API, with its preflight', async () => {
    const gateway = await startTestGateway('http://127.0.0.1:1');
    const preflight = await gateway.send(ask('OPTIONS', '/api/v1', 'Origin: https://a.example'));
    const answer = await gateway.send(ask('GET', '/api/v1', 'Origin: https://a.example'));
    expect([statusOf(preflight), statusOf(answer)]).toEqual([204, 200]);
    expect(headerLines(answer, 'access-control-allow-origin')).toEqual(['*']);
    expect(headerLines(preflight, 'access-control-allow-origin')).toEqual(['*']);
  });

  it('is not for other methods', async () => {
    const gateway = await startTestGateway('http://127.0.0.1:1');
    for (const path of ['/', '/api/v1']) {
      expect(statusOf(await gateway.send(ask('DELETE', path)))).toBe(405);
    }
    expect(statusOf(await gateway.send(ask('OPTIONS', '/')))).toBe(405);
  });
});
