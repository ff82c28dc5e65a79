import { expect, it } from 'vitest';
import { createCertificate } from '@openrouter-proxy/fake-openrouter';
import { rawPost, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import { answering, OK, startRecordingUpstream } from './support/recording-upstream.ts';
import { startSecureUpstream, trust } from './support/secure-upstream.ts';

it('speaks TLS to an upstream whose certificate it can trust, and keeps the connection', async () => {
  const certificate = createCertificate('localhost');
  trust(certificate);
  const upstream = await startSecureUpstream(certificate);
  const gateway = await startTestGateway(upstream.url);
  expect(statusOf(await gateway.send(rawPost('{}')))).toBe(200);
  expect(statusOf(await gateway.send(rawPost('{}')))).toBe(200);
  expect(new Set(upstream.seen.map(({ socket }) => socket)).size).toBe(1);
});

it('answers 502 when it cannot trust the certificate, and has sent nothing', async () => {
  const upstream = await startSecureUpstream();
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(rawPost('{}'));
  expect(statusOf(answer)).toBe(502);
  expect(upstream.seen).toEqual([]);
  await expect
    .poll(() => gateway.records[0]?.failure?.cause)
    .toMatchObject({
      message: expect.stringContaining('self-signed certificate') as string,
    });
});

it('answers 502 when the certificate is for another name', async () => {
  const certificate = createCertificate('elsewhere.example');
  trust(certificate);
  const upstream = await startSecureUpstream(certificate);
  const gateway = await startTestGateway(upstream.url);
  expect(statusOf(await gateway.send(rawPost('{}')))).toBe(502);
  expect(upstream.seen).toEqual([]);
});

it('never falls back to plain text', async () => {
  const upstream = await startRecordingUpstream(answering(OK, OK));
  const gateway = await startTestGateway(upstream.url.replace('http:', 'https:'), {
    upstream: { connectTimeoutMs: 200 },
  });
  const answer = await gateway.send(rawPost('{}'));
  expect([502, 504]).toContain(statusOf(answer));
  expect(headerLines(answer, 'x-proxy-attempts')).toEqual(['3']);
  for (const { received } of upstream.connections) expect(received).toMatch(/^\x16\x03/);
  expect(upstream.received()).not.toContain('HTTP/1.1');
});
