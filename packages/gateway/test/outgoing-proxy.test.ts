import { describe, expect, it } from 'vitest';
import { createCertificate } from '@openrouter-proxy/fake-openrouter';
import { rawPost, rawRequest } from './support/gateway.ts';
import { statusOf } from './support/http-message.ts';
import { startMicrosocks, startTinyproxy, startTlsInFrontOf } from './support/outgoing-proxy.ts';
import { answering, OK, startRecordingUpstream } from './support/recording-upstream.ts';
import { startSecureUpstream, trust } from './support/secure-upstream.ts';
import { newCredentials, proxyUrl, said, startThrough } from './support/through-proxy.ts';

async function startTrustedUpstream() {
  const certificate = createCertificate('localhost');
  trust(certificate);
  return { certificate, upstream: await startSecureUpstream(certificate) };
}

describe('an HTTP proxy', () => {
  it('takes requests to an upstream behind TLS, and cannot see into them', async () => {
    const credentials = newCredentials();
    const proxy = await startTinyproxy(credentials);
    const { upstream } = await startTrustedUpstream();
    const gateway = await startThrough(upstream.url, proxyUrl('http', credentials, proxy.port));
    for (let turn = 0; turn < 3; turn += 1) {
      expect(statusOf(await gateway.send(rawPost('{}')))).toBe(200);
    }
    expect(proxy.output()).toContain(`CONNECT localhost:${upstream.port} HTTP/1.1`);
    expect(proxy.output()).not.toContain('/api/v1');
    expect(upstream.seen).toHaveLength(3);
    expect(new Set(upstream.seen.map(({ socket }) => socket)).size).toBe(1);
    expect(said(gateway)).not.toContain(credentials.password);
  });

  it('takes requests to a plain upstream, path and body byte for byte', async () => {
    const credentials = newCredentials();
    const proxy = await startTinyproxy(credentials);
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startThrough(upstream.url, proxyUrl('http', credentials, proxy.port));
    const path = "/api/v1/x/{a}|^?q='{}'&b=%zz";
    const answer = await gateway.send(rawRequest('POST', path, ['Content-Length: 4'], 'body'));
    expect(statusOf(answer)).toBe(200);
    expect(proxy.output()).toContain(`CONNECT 127.0.0.1:${upstream.port} HTTP/1.1`);
    expect(upstream.requests()[0]?.startLine).toBe(`POST ${path} HTTP/1.1`);
    expect(upstream.requests()[0]?.body.toString()).toBe('body');
    expect(upstream.received()).not.toMatch(/proxy-authorization/i);
  });

  it.each(['behind TLS', 'in plain text'])(
    'that wants other credentials leads to 502 for an upstream %s, blames no key, and is named in the log',
    async (where) => {
      const proxy = await startTinyproxy(newCredentials());
      const wrong = newCredentials();
      const plain = await startRecordingUpstream(answering(OK));
      const { upstream } = await startTrustedUpstream();
      const url = where === 'behind TLS' ? upstream.url : plain.url;
      const gateway = await startThrough(url, proxyUrl('http', wrong, proxy.port));
      const answer = await gateway.send(rawPost('{}'));
      expect(statusOf(answer)).toBe(502);
      const { error } = JSON.parse(answer.body.toString()) as { error: { message: string } };
      expect(error.message).not.toMatch(/tinyproxy|407|401/i);
      expect([...upstream.seen, ...plain.connections]).toEqual([]);
      await expect.poll(() => gateway.keys.outcomes()).toEqual(['connection_failed']);
      expect(said(gateway)).toContain('requestProxy.url');
      expect(said(gateway)).not.toContain(wrong.password);
    },
  );

  it('can be spoken to through TLS', async () => {
    const credentials = newCredentials();
    const proxy = await startTinyproxy(credentials);
    const { certificate, upstream } = await startTrustedUpstream();
    const port = await startTlsInFrontOf(proxy.port, certificate);
    const gateway = await startThrough(upstream.url, proxyUrl('https', credentials, port));
    expect(statusOf(await gateway.send(rawPost('{}')))).toBe(200);
    expect(proxy.output()).toContain(`CONNECT localhost:${upstream.port} HTTP/1.1`);
    expect(said(gateway)).not.toContain(credentials.password);
  });

  it('is told nothing when its certificate cannot be trusted', async () => {
    const credentials = newCredentials();
    const proxy = await startTinyproxy(credentials);
    const { upstream } = await startTrustedUpstream();
    const port = await startTlsInFrontOf(proxy.port, createCertificate('elsewhere.example'));
    const gateway = await startThrough(upstream.url, proxyUrl('https', credentials, port));
    expect(statusOf(await gateway.send(rawPost('{}')))).toBe(502);
    expect(proxy.output()).not.toContain('CONNECT localhost');
    expect(said(gateway)).not.toContain(credentials.password);
  });
});

describe('a SOCKS proxy', () => {
  it.each(['socks5', 'socks5h'])('takes requests by %s', async (scheme) => {
    const credentials = newCredentials();
    const proxy = await startMicrosocks(credentials);
    const { upstream } = await startTrustedUpstream();
    const plain = await startRecordingUpstream(answering(OK));
    const secure = await startThrough(upstream.url, proxyUrl(scheme, credentials, proxy.port));
    const open = await startThrough(plain.url, proxyUrl(scheme, credentials, proxy.port));
    expect(statusOf(await secure.send(rawPost('{}')))).toBe(200);
    expect(statusOf(await secure.send(rawPost('{}')))).toBe(200);
    expect(new Set(upstream.seen.map(({ socket }) => socket)).size).toBe(1);
    expect(statusOf(await open.send(rawPost('{}')))).toBe(200);
    // Who resolves the name is what the two schemes differ in.
    expect(proxy.output()).toContain(
      `${scheme === 'socks5h' ? 'localhost' : '127.0.0.1'}:${upstream.port}`,
    );
    expect(proxy.output()).toContain(`127.0.0.1:${plain.port}`);
    expect(said(secure)).not.toContain(credentials.password);
  });

  it('that wants other credentials leads to 502', async () => {
    const proxy = await startMicrosocks(newCredentials());
    const wrong = newCredentials();
    const { upstream } = await startTrustedUpstream();
    const gateway = await startThrough(upstream.url, proxyUrl('socks5', wrong, proxy.port));
    const answer = await gateway.send(rawPost('{}'));
    expect(statusOf(answer)).toBe(502);
    expect(upstream.seen).toEqual([]);
    expect(said(gateway)).not.toContain(wrong.password);
    expect(answer.body.toString()).not.toContain(wrong.password);
  });
});
