import { freePort } from '@openrouter-proxy/end-to-end';
import { readFile, readdir } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { EXIT } from '@openrouter-proxy/runtime';
import { describe, expect, it } from 'vitest';
import { launch } from '../support/launched.ts';
import { newKey, temporaryFolder } from '../support/system.ts';

const SHORT = 'short-key';
const OWN = 'an-access-key-of-their-own';
const ownAddresses = () =>
  Object.values(networkInterfaces())
    .flatMap((found) => found ?? [])
    .filter(({ family }) => family === 'IPv4')
    .map(({ address }) => address);

describe('where the gateway listens', () => {
  it('is this machine alone by default, and the log says so without a warning', async () => {
    const { ready, stdout } = await launch(await temporaryFolder());
    const { listensOn, isReachableByOthers, clients } = await ready();
    expect(listensOn).toEqual([new URL(String(clients)).origin]);
    expect(isReachableByOthers).toBe(false);
    expect(stdout.text).not.toContain('other machines can connect');
  });

  it('is every address of the machine for 0.0.0.0, with a warning', async () => {
    const { ready, stdout } = await launch(await temporaryFolder(), { host: '0.0.0.0' });
    const { listensOn, isReachableByOthers, clients } = await ready();
    const { port } = new URL(String(clients));
    expect(isReachableByOthers).toBe(true);
    const urls = ownAddresses().map((address) => `http://${address}:${port}`);
    expect(listensOn).toEqual(expect.arrayContaining(urls));
    await expect.poll(() => stdout.text.includes('other machines can connect')).toBe(true);
  });

  it('stands in the banner, with the warning', async () => {
    const server = { host: '0.0.0.0', log_format: 'pretty' };
    const { stdout } = await launch(await temporaryFolder(), server);
    await expect.poll(() => stdout.text.includes('warning     other machines')).toBe(true);
    for (const address of ownAddresses()) expect(stdout.text).toContain(`http://${address}:`);
  });

  it('is what --host and --port say, before PORT and the file', async () => {
    const port = await freePort();
    const env = { OPENROUTER_KEYS: newKey(), PORT: '1' };
    const args = ['--host', '127.0.0.2', '--port', String(port)];
    const { ready } = await launch(await temporaryFolder(), { port: 2 }, env, args);
    expect(await ready()).toMatchObject({ clients: `http://127.0.0.2:${port}/api/v1` });
  });

  it('is on the port of PORT, before that of the file', async () => {
    const port = await freePort();
    const env = { OPENROUTER_KEYS: newKey(), PORT: String(port) };
    const { ready } = await launch(await temporaryFolder(), { port: 2 }, env);
    expect(await ready()).toMatchObject({ clients: `http://127.0.0.1:${port}/api/v1` });
  });

  it('cannot be a taken port, and the refusal names --port', async () => {
    const first = await launch(await temporaryFolder());
    const { port } = new URL(String((await first.ready())['clients']));
    const env = { OPENROUTER_KEYS: newKey() };
    const second = await launch(await temporaryFolder(), {}, env, ['--port', port]);
    expect(await second.ended).toBe(EXIT.configuration);
    expect(second.stderr.text).toBe(
      `127.0.0.1:${port} is taken by another program: stop that program, or choose another with \`server.port\`, or with PORT or \`--port\`, which come before it\n`,
    );
  });

  it('is told to who forgot the -- that npm needs', async () => {
    const { ended, stderr } = await launch(await temporaryFolder(), {}, {}, ['8080']); // npm keeps --port
    expect(await ended).toBe(EXIT.configuration);
    expect(stderr.text).toContain('`npm start -- --port 8080`');
  });

  it('cannot be a port that is no number, and the refusal names --port', async () => {
    const env = { OPENROUTER_KEYS: newKey() };
    const { ended, stderr } = await launch(await temporaryFolder(), {}, env, ['--port', 'http']);
    expect(await ended).toBe(EXIT.configuration);
    expect(stderr.text).toContain('--port: must be a whole number from 0 to 65535, got "http"');
  });
});

describe('a short access key', () => {
  it('is a warning where only this machine can try keys', async () => {
    const { ready, stdout } = await launch(await temporaryFolder(), { access_key: SHORT });
    await ready();
    expect(stdout.text).toContain('server.access_key: has fewer than 16 characters');
    expect(stdout.text).not.toContain(SHORT);
  });

  it('stops a start where other machines can try keys', async () => {
    const server = { host: '0.0.0.0', access_key: SHORT };
    const { ended, stderr } = await launch(await temporaryFolder(), server);
    expect(await ended).toBe(EXIT.configuration);
    expect(stderr.text).toMatch(/server\.access_key: .* `openssl rand -hex 32`\n$/);
    expect(stderr.text.trim().split('\n')).toHaveLength(1);
    expect(stderr.text).not.toContain(SHORT);
  });

  it('is refused by a reload where other machines can try keys, whatever host the file says', async () => {
    const product = await launch(await temporaryFolder(), { host: '0.0.0.0', access_key: OWN });
    const url = String((await product.ready())['dashboard']);
    await product.configure({ host: '127.0.0.1', access_key: SHORT });
    product.signal('SIGHUP');
    const refusal = await product.stdout.line(
      ({ message }) => message === 'reload refused: nothing was changed',
    );
    expect(JSON.stringify(refusal['problems'])).toContain('0.0.0.0 lets other machines');
    const statusWith = async (key: string) =>
      (await fetch(url, { headers: { authorization: `Bearer ${key}` } })).status;
    expect([await statusWith(OWN), await statusWith(SHORT)]).toEqual([200, 401]);
  });
});

describe('a wrong access key', () => {
  it.each([1, 2])(
    'is logged with the address of its client, by %i gateway processes',
    async (workers) => {
      const server = { access_key: OWN, workers, trusted_proxies: ['127.0.0.1'] };
      const { ready, stdout } = await launch(await temporaryFolder(), server);
      const url = String((await ready())['clients']);
      const ask = async (key: string) => {
        const headers = { authorization: `Bearer ${key}`, 'x-forwarded-for': '198.51.100.7' };
        return (await fetch(`${url}/key`, { headers })).status;
      };
      expect(await ask('a-guess-at-the-access-key')).toBe(401);
      const warning = await stdout.line(({ message }) => message === 'wrong access key');
      expect(warning).toMatchObject({ level: 'WARNING', address: '198.51.100.7' });
      const request = await stdout.line(({ message }) => message === 'request');
      expect(request).toMatchObject({ status: 401, client: null, address: '198.51.100.7' });
      expect(stdout.text).not.toContain('a-guess');
    },
  );
});

describe('the file of the generated access key', () => {
  it('is there only while its key is in use, and keeps the key', async () => {
    const folder = await temporaryFolder();
    const state = join(folder, '.openrouter-proxy');
    const files = async () =>
      (await readdir(state)).filter((name) => name.startsWith('access_key'));
    const product = await launch(folder);
    const url = String((await product.ready())['dashboard']);
    const statusWith = async (key: string) =>
      (await fetch(url, { headers: { authorization: `Bearer ${key}` } })).status;
    const generated = (await readFile(join(state, 'access_key'), 'utf8')).trim();
    expect(await statusWith(generated)).toBe(200);

    await product.configure({ access_key: OWN });
    product.signal('SIGHUP');
    await expect.poll(files).toEqual(['access_key.unused']);
    expect([await files(), await statusWith(OWN)]).toEqual([['access_key.unused'], 200]);
    expect(await statusWith(generated)).toBe(401);

    await product.configure({});
    product.signal('SIGHUP');
    await expect.poll(files).toEqual(['access_key']);
    expect([await files(), await statusWith(generated)]).toEqual([['access_key'], 200]);
  });

  it('stays where it is when a start with another key fails, because the service runs already', async () => {
    const folder = await temporaryFolder();
    const first = await launch(folder);
    await first.ready();
    const second = await launch(folder, { access_key: OWN });
    expect(await second.ended).toBe(EXIT.alreadyRunning);
    expect(await readdir(join(folder, '.openrouter-proxy'))).toContain('access_key');
  });

  it('is out of the way after a start with another key', async () => {
    const folder = await temporaryFolder();
    const first = await launch(folder);
    await first.ready();
    first.signal('SIGTERM');
    await first.ended;
    const second = await launch(folder, { access_key: OWN });
    expect((await second.ready())['accessKey']).toBe(`server.access_key in ${second.config}`);
    const names = await readdir(join(folder, '.openrouter-proxy'));
    expect(names.filter((name) => name.startsWith('access_key'))).toEqual(['access_key.unused']);
  });
});
