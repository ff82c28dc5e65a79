import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { gatewayConfiguration } from '@openrouter-proxy/config';
import { expect, it, onTestFinished } from 'vitest';
import { newSecret, rawPost } from './support/gateway.ts';
import { configuration } from './support/process-configuration.ts';
import { startKeyService } from './support/key-service.ts';
import { RawConnection } from './support/raw-connection.ts';
import { answering, OK, startRecordingUpstream } from './support/recording-upstream.ts';

const GATEWAY = path.resolve(import.meta.dirname, '../../../dist/gateway.js');

interface ReadyMessage {
  readonly ready: { readonly address: { readonly port: number } };
}

/** A gateway in a process that may have `limit` files open. */
async function startLimited(limit: number) {
  const upstream = await startRecordingUpstream(answering(OK));
  const keys = await startKeyService([newSecret()]);
  const command = `ulimit -n ${limit}; exec "$@"`;
  const child = spawn('sh', ['-c', command, 'sh', process.execPath, GATEWAY], {
    stdio: ['pipe', 'ignore', 'inherit', 'ipc'],
  });
  const exit = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exit;
    await keys.stop();
  });
  const settings = configuration(upstream.url, { socket: keys.socket, token: keys.token });
  const line = JSON.stringify(gatewayConfiguration.encode(settings));
  child.stdin?.write(`${line}\n`); // stays open: the gateway stops when it closes
  const [{ ready }] = (await once(child, 'message')) as [ReadyMessage];
  return { child, port: ready.address.port };
}

async function post(port: number): Promise<string> {
  const client = new RawConnection(connect(port, '127.0.0.1'), 'response');
  client.send(rawPost('{}'));
  try {
    return (await client.message()).startLine;
  } catch {
    return 'no answer';
  } finally {
    client.socket.destroy();
  }
}

it('lives through having no file descriptor left, and serves again when there are some', async () => {
  const { child, port } = await startLimited(64);
  expect(await post(port)).toBe('HTTP/1.1 200 OK');
  const flood: Socket[] = Array.from({ length: 200 }, () =>
    connect(port, '127.0.0.1').on('error', () => undefined),
  );
  onTestFinished(() => flood.forEach((socket) => socket.destroy()));
  await Promise.all(flood.slice(0, 30).map((socket) => once(socket, 'connect')));
  await expect.poll(() => post(port)).toBe('no answer');
  for (const socket of flood) socket.destroy();
  await expect.poll(() => post(port)).toBe('HTTP/1.1 200 OK');
  expect(child.exitCode).toBeNull();
});
