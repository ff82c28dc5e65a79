/**
 * `npm run pack`: makes a package of everything a running gateway needs, its libraries included, so that
 * `npx ./openrouter-proxy-….tgz` runs what was tested. Prints the tarball's path.
 */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';

const ROOT = path.resolve(import.meta.dirname, '..');
const OURS = '@openrouter-proxy';
/** The programs of the package, by the names of their commands. */
const BINS = { 'openrouter-proxy': 'launcher', kms: 'cli' } as const;

const read = async (file: string) =>
  JSON.parse(await readFile(path.join(ROOT, file), 'utf8')) as Record<string, unknown>;

/** The packages right in a node_modules folder. */
async function packagesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder);
  const names = entries.filter((entry) => !entry.startsWith('.'));
  const scoped = await Promise.all(
    names.map(async (name) =>
      name.startsWith('@')
        ? (await readdir(path.join(folder, name))).map((inner) => `${name}/${inner}`)
        : [name],
    ),
  );
  return scoped.flat();
}

const home = await mkdtemp(path.join(tmpdir(), 'openrouter-proxy-pack-'));
try {
  const tree = path.join(home, 'tree');
  await execa(process.execPath, [path.join(ROOT, 'scripts/production-tree.ts'), tree]);
  const modules = path.join(tree, 'node_modules');
  // npm packs no links, so our own packages take the place of the links to them.
  await rm(path.join(modules, OURS), { recursive: true });
  await rename(path.join(tree, 'packages'), path.join(modules, OURS));
  await mkdir(path.join(tree, 'bin'));
  for (const [command, name] of Object.entries(BINS)) {
    const text = `#!/usr/bin/env node\nimport '${OURS}/${name}/main';\n`;
    await writeFile(path.join(tree, `bin/${command}.js`), text, { mode: 0o755 });
  }
  const { name, version, description, license, engines } = await read('package.json');
  const manifest = {
    ...{ name, version, description, license, engines, type: 'module' },
    bin: Object.fromEntries(Object.keys(BINS).map((command) => [command, `bin/${command}.js`])),
    dependencies: Object.fromEntries(
      await Promise.all(
        (await packagesIn(modules)).map(async (dependency) => {
          const file = path.relative(ROOT, path.join(modules, dependency, 'package.json'));
          return [dependency, (await read(file))['version']] as const;
        }),
      ),
    ),
    bundleDependencies: true,
  };
  await writeFile(path.join(tree, 'package.json'), JSON.stringify(manifest, null, 2));
  await execa({ cwd: ROOT })`cp README.md config.schema.json ${tree}`;
  const target = path.resolve(process.argv[2] ?? ROOT);
  const packed = await execa({ cwd: tree })`npm pack --silent --pack-destination ${target}`;
  console.log(path.join(target, packed.stdout.trim().split('\n').at(-1) ?? ''));
} finally {
  await rm(home, { recursive: true });
}
