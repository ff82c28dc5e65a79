import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createServer as createTlsServer } from 'node:tls';
import { expect, onTestFinished } from 'vitest';
import type { Certificate } from '@openrouter-proxy/fake-openrouter';

/** A proxy that runs on this machine. */
export interface OutgoingProxy {
  port: number;
  /** What it has printed. */
  output(): string;
}

/** Who may use it. */
export interface Credentials {
  user: string;
  password: string;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Runs a proxy until the test is over; resolves once it takes connections. */
async function run(port: number, command: string, args: string[]): Promise<OutgoingProxy> {
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (text: Buffer) => (output += text.toString()));
  }
  const exit = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  await expect.poll(() => isOpen(port)).toBe(true);
  return { port, output: () => output };
}

/** An HTTP proxy that asks for a password. */
export async function startTinyproxy({ user, password }: Credentials): Promise<OutgoingProxy> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tinyproxy-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const port = await freePort();
  const file = path.join(folder, 'tinyproxy.conf');
  const lines = [
    'Listen 127.0.0.1',
    'LogLevel Info',
    'Timeout 60',
    `BasicAuth ${user} ${password}`,
  ];
  await writeFile(file, [`Port ${port}`, ...lines, ''].join('\n'));
  return run(port, 'tinyproxy', ['-d', '-c', file]);
}

/** A SOCKS5 proxy that asks for a password. */
export async function startMicrosocks({ user, password }: Credentials): Promise<OutgoingProxy> {
  const port = await freePort();
  return run(port, 'microsocks', ['-i', '127.0.0.1', '-p', `${port}`, '-u', user, '-P', password]);
}

/** TLS in front of a proxy; gives the port. */
export async function startTlsInFrontOf(port: number, certificate: Certificate): Promise<number> {
  const server = createTlsServer(certificate, (outside) => {
    const inside = connect(port, '127.0.0.1');
    onTestFinished(() => void outside.destroy());
    // An end is an end on both sides, in whatever manner it came.
    pipeline(outside, inside, outside).catch(() => undefined);
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}
