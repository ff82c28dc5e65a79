/**
 * `npm run pack [-- FOLDER]`: makes an npm package of the built programs, which hold their libraries, so that
 * `npx ./openrouter-proxy-….tgz` runs what was tested. Prints the tarball's path.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { addDocuments } from './package-documents.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
/** Nothing is published under the name without a scope, and `kms` on npm is somebody else's. */
const PACKAGE_NAME = '@openrouter-proxy/openrouter-proxy';
/** The programs of the package, by the names of their commands. */
const BINS = { 'openrouter-proxy': 'launcher', kms: 'cli' } as const;
const OLDEST_NODE = 24;

/** Syntax that Node 14 reads, since an older Node must get as far as the sentence. */
const binText = (command: string, program: string) => `#!/usr/bin/env node
'use strict';
const version = parseInt(process.versions.node, 10);
if (version < ${OLDEST_NODE}) {
  console.error('${command} needs Node ${OLDEST_NODE} or newer. This is Node ' + process.versions.node + '.');
  process.exit(78);
}
import('../dist/${program}.js').catch(function (error) {
  console.error(error);
  process.exit(1);
});
`;

const home = await mkdtemp(path.join(tmpdir(), 'openrouter-proxy-pack-'));
try {
  const tree = path.join(home, 'tree');
  await execa(process.execPath, [path.join(ROOT, 'scripts/production-tree.ts'), tree]);
  await mkdir(path.join(tree, 'bin'));
  for (const [command, program] of Object.entries(BINS)) {
    const file = path.join(tree, `bin/${command}.cjs`);
    await writeFile(file, binText(command, program), { mode: 0o755 });
  }
  const text = await readFile(path.join(ROOT, 'package.json'), 'utf8');
  const { version, description, license, engines } = JSON.parse(text) as Record<string, unknown>;
  const manifest = {
    ...{ name: PACKAGE_NAME, version, description, license, engines, type: 'module' },
    publishConfig: { access: 'public' },
    bin: Object.fromEntries(Object.keys(BINS).map((command) => [command, `bin/${command}.cjs`])),
  };
  await writeFile(path.join(tree, 'package.json'), JSON.stringify(manifest, null, 2));
  addDocuments(ROOT, tree);
  const target = path.resolve(process.argv[2] ?? ROOT);
  const packed = await execa({ cwd: tree })`npm pack --silent --pack-destination ${target}`;
  console.log(path.join(target, packed.stdout.trim().split('\n').at(-1) ?? ''));
} finally {
  await rm(home, { recursive: true });
}
