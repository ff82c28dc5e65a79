import { once } from 'node:events';
import { createServer } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { onTestFinished } from 'vitest';
import { createCertificate, type Certificate } from '@openrouter-proxy/fake-openrouter';

/** An upstream behind TLS that answers everything with 200 and remembers what it was asked. */
export interface SecureUpstream {
  url: string;
  port: number;
  seen: IncomingMessage[];
}

/** Makes this process trust a certificate until the test is over. */
export function trust({ cert }: Certificate): void {
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, cert]);
  onTestFinished(() => setDefaultCACertificates(before));
}

/** Starts one; it is closed when the test is over. */
export async function startSecureUpstream(
  certificate: Certificate = createCertificate('localhost'),
): Promise<SecureUpstream> {
  const seen: IncomingMessage[] = [];
  const server = createServer(certificate, (request, response) => {
    seen.push(request);
    request.resume().on('end', () => response.end('{"ok":true}'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  return { url: `https://localhost:${port}/api/v1`, port, seen };
}
