import { describe, expect, it } from 'vitest';
import { admissionRefusal, type RequestHead } from './admission.ts';

function head(method: string, lines: [string, string][] = [['Host', 'gw']]): RequestHead {
  const headers = Object.fromEntries(lines.map(([name, value]) => [name.toLowerCase(), value]));
  return { method, httpVersion: '1.1', headers, rawHeaders: lines.flat() };
}
const host: [string, string] = ['Host', 'gw:5555'];

describe('admissionRefusal', () => {
  it.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('admits %s', (method) => {
    expect(admissionRefusal(head(method), 100)).toBeUndefined();
  });

  it.each(['TRACE', 'CONNECT', 'PROPFIND', 'QUERY'])('refuses the method %s', (method) => {
    expect(admissionRefusal(head(method), 100)?.status).toBe(405);
  });

  it.each(['DELETE', 'OPTIONS', 'GET', 'HEAD'])('refuses a chunked %s', (method) => {
    const refusal = admissionRefusal(head(method, [host, ['Transfer-Encoding', 'chunked']]), 100);
    expect(refusal?.status).toBe(400);
  });

  it('admits a chunked POST, but no other encoding and no older HTTP', () => {
    const chunked = head('POST', [host, ['Transfer-Encoding', 'chunked']]);
    expect(admissionRefusal(chunked, 100)).toBeUndefined();
    expect(admissionRefusal({ ...chunked, httpVersion: '1.0' }, 100)?.status).toBe(400);
    const gzip = head('POST', [host, ['Transfer-Encoding', 'gzip, chunked']]);
    expect(admissionRefusal(gzip, 100)?.status).toBe(400);
  });

  it('wants exactly one Host, well formed', () => {
    expect(admissionRefusal(head('GET', []), 100)?.status).toBe(400);
    expect(admissionRefusal(head('GET', [host, ['host', 'evil']]), 100)?.status).toBe(400);
    for (const bad of ['a/b', 'a@b', 'a b', '', 'a:123456']) {
      expect(admissionRefusal(head('GET', [['Host', bad]]), 100)?.status).toBe(400);
    }
    for (const good of ['[::1]:5555', 'localhost', '10.0.0.1:80']) {
      expect(admissionRefusal(head('GET', [['Host', good]]), 100)).toBeUndefined();
    }
  });

  it('meets no expectation but 100-continue', () => {
    expect(admissionRefusal(head('POST', [host, ['Expect', '100-Continue']]), 100)).toBeUndefined();
    expect(admissionRefusal(head('POST', [host, ['Expect', '200-ok']]), 100)?.status).toBe(417);
  });

  it('refuses more than 100 header lines, and a body announced as too large', () => {
    const many = Array.from({ length: 100 }, (_, i): [string, string] => [`X-${i}`, '1']);
    expect(admissionRefusal(head('GET', [host, ...many]), 100)?.status).toBe(431);
    const large = head('POST', [host, ['Content-Length', '101']]);
    expect(admissionRefusal(large, 100)?.status).toBe(413);
  });
});
