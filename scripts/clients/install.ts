import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import type { Client } from './client.ts';

const CACHE = path.join(
  process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'),
  'openrouter-proxy',
  'clients',
);
const INSTALL_MS = 10 * 60_000;

/** Where a client is installed, or why it is not. */
export type Installed =
  | { readonly kind: 'installed'; readonly folder: string }
  | { readonly kind: 'failed'; readonly why: string };

const splitSpec = (spec: string) => {
  const at = spec.lastIndexOf('@');
  return { name: spec.slice(0, at), version: spec.slice(at + 1) };
};

/** The version in the matrix. */
export const versionOf = ({ packages: [first = ''] }: Client): string => splitSpec(first).version;

/**
 * Installs a client's packages from the npm registry in a folder of the cache, unless they are there.
 * The folder's own lock file keeps what they need themselves. No script of theirs is run.
 */
export async function install({ name, packages }: Client): Promise<Installed> {
  const folder = path.join(CACHE, name);
  const dependencies = Object.fromEntries(
    packages.map(splitSpec).map((spec) => [spec.name, spec.version]),
  );
  const manifest = JSON.stringify({ private: true, type: 'module', dependencies }, undefined, 2);
  const stamp = path.join(folder, 'installed.json');
  if ((await readFile(stamp, 'utf8').catch(() => '')) === manifest) {
    return { kind: 'installed', folder };
  }
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'package.json'), manifest);
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = await execa('npm', ['install', ...flags], {
    ...{ cwd: folder, timeout: INSTALL_MS, reject: false, all: true },
    env: { npm_config_ignore_scripts: 'true' },
  });
  if (npm.exitCode !== 0) return { kind: 'failed', why: lastLine(npm.all) };
  await writeFile(stamp, manifest);
  return { kind: 'installed', folder };
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? 'npm failed';
}
