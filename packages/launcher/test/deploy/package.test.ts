import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { startFakeOpenRouter } from '@openrouter-proxy/fake-openrouter';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

const PACK = path.resolve(import.meta.dirname, '../../../../scripts/pack.ts');

describe('the package', () => {
  let folder: string;
  let tarball: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'packed product '));
    const { stdout } = await execa(process.execPath, [PACK, folder]);
    tarball = stdout.trim();
    await writeFile(path.join(folder, 'package.json'), '{ "private": true }');
    // It brings its libraries with it: no registry is asked.
    await execa({ cwd: folder })`npm install --offline --no-audit --no-fund ${tarball}`;
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  const bin = (name: string) => path.join(folder, 'node_modules/.bin', name);

  it('holds no tests, no sources, no stand-ins and no development tools', async () => {
    const { stdout } = await execa`tar -tzf ${tarball}`;
    const files = stdout.split('\n');
    const foreign = /\.(?:ts|tsx|map)$|\/(?:src|test|node_modules|packages)\//;
    expect(files.filter((file) => foreign.test(file))).toEqual([]);
    const needed = [
      ...['README.md', 'LICENSE', 'config.yml.example', 'config.schema.json'],
      ...['bin/openrouter-proxy.cjs', 'bin/kms.cjs', 'dist/third-party-licenses.txt'],
      ...['launcher', 'kms', 'gateway', 'cli'].map((program) => `dist/${program}.js`),
    ];
    expect(files).toEqual(expect.arrayContaining(needed.map((name) => `package/${name}`)));
  });

  it('holds the licence of every library that is bundled', async () => {
    const { stdout } = await execa`tar -xOzf ${tarball} package/dist/third-party-licenses.txt`;
    for (const name of [
      'express',
      'http-proxy-3',
      'ioredis',
      'preact',
      'uplot',
      'winston',
      'zod',
    ]) {
      expect(stdout).toContain(`\n${name} `);
    }
  });

  it('brings two commands', async () => {
    const { stdout: launcher } = await execa(bin('openrouter-proxy'), ['--help']);
    expect(launcher).toContain('--config <file>');
    const { stdout: kms } = await execa(bin('kms'), ['--help']);
    expect(kms).toContain('explain <request-id>');
  });

  it('answers a request, tells of it, and ends when asked to', async () => {
    const fake = await startFakeOpenRouter();
    onTestFinished(() => fake.stop());
    const keys = [fake.addKey().secret];
    const config = path.join(folder, 'config.yml');
    const accessKey = 'the-access-key-of-the-test';
    const server = { port: 0, access_key: accessKey, log_format: 'json' };
    await writeFile(config, JSON.stringify({ server, openrouter: { base_url: fake.url, keys } }), {
      mode: 0o600,
    });
    const running = execa(bin('openrouter-proxy'), ['--config', config], { reject: false });
    let url = '';
    for await (const line of createInterface({ input: running.stdout })) {
      const { message, clients } = JSON.parse(line) as Record<string, string>;
      if (message !== 'ready') continue;
      url = clients ?? '';
      break;
    }
    const response = await fetch(`${url}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${accessKey}`, 'x-request-id': 'asked-once' },
      body: '{"model":"openai/gpt-4o","messages":[{"role":"user","content":"Hello"}]}',
    });
    expect(response.status).toBe(200);
    await response.text();
    const { stdout } = await execa(bin('kms'), ['explain', 'asked-once', '--config', config]);
    expect(stdout).toContain('success (200)');
    running.kill('SIGTERM');
    expect((await running).exitCode).toBe(0);
  });
});
