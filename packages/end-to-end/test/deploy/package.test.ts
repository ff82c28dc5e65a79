import { existsSync, globSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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
      ...['README.md', 'LICENSE', 'config.yml.example', 'config.schema.json', 'docs/cli.md'],
      ...['bin/openrouter-proxy.cjs', 'bin/kms.cjs', 'dist/third-party-licenses.txt'],
      ...['launcher', 'kms', 'gateway', 'cli'].map((program) => `dist/${program}.js`),
    ];
    expect(files).toEqual(expect.arrayContaining(needed.map((name) => `package/${name}`)));
  });

  it('has a name with a scope, and links only to files that it holds', async () => {
    const root = path.join(folder, 'node_modules/@openrouter-proxy/openrouter-proxy');
    const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as object;
    expect(manifest).toMatchObject({
      name: '@openrouter-proxy/openrouter-proxy',
      publishConfig: { access: 'public' },
    });
    const pages = ['README.md', ...globSync('docs/*.md', { cwd: root })];
    expect(pages.length).toBeGreaterThan(10);
    const links = pages.flatMap((page) =>
      Array.from(
        readFileSync(path.join(root, page), 'utf8').matchAll(/\]\(([^)\s#]+)/g),
        ([, target = '']) => ({ page, target }),
      ),
    );
    const local = links.filter(({ target }) => !/^[a-z]+:/.test(target));
    expect(local.length).toBeGreaterThan(20);
    const dead = local.filter(
      ({ page, target }) => !existsSync(path.join(root, path.dirname(page), target)),
    );
    expect(dead).toEqual([]);
  });

  it('tells somebody without a key what to do, with the place of its example', async () => {
    const elsewhere = await mkdtemp(path.join(tmpdir(), 'without-keys-'));
    onTestFinished(() => rm(elsewhere, { recursive: true }));
    const { exitCode, stderr } = await execa(bin('openrouter-proxy'), {
      cwd: elsewhere,
      env: { OPENROUTER_KEYS: '' },
      reject: false,
    });
    expect(exitCode).toBe(78);
    expect(stderr).toContain('OPENROUTER_KEYS="$(cat my-keys.txt)" npx openrouter-proxy');
    expect(stderr).not.toMatch(/npm (?:start|run)/);
    const [, example = ''] =
      /install -m 600 '?(\/.*config\.yml\.example)'? config\.yml/.exec(stderr) ?? [];
    expect(existsSync(example)).toBe(true);
    const { stderr: unreachable } = await execa(bin('kms'), ['status'], {
      cwd: elsewhere,
      reject: false,
    });
    expect(unreachable).toContain('Start it with `npx openrouter-proxy`');
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
    expect(stdout).toContain('answered (200)');
    running.kill('SIGTERM');
    expect((await running).exitCode).toBe(0);
  });
});
