/**
 * Sees every import rule bite: a copy of the packages' outline gets one file that breaks all rules
 * for each package, and each rule must be among those reported.
 */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';

interface Rule {
  name: string;
}
interface Config {
  forbidden: Rule[];
}

const root = path.resolve(import.meta.dirname, '..');
const config = path.join(import.meta.dirname, 'import-rules.js');
const { default: rules } = (await import(config)) as { default: Config };
const packages = await readdir(path.join(root, 'packages'));
const libraries = [
  'express',
  'http-proxy-3',
  'prom-client',
  'ioredis',
  'yaml',
  'winston',
  'execa',
  'preact',
  'preact-render-to-string',
  'uplot',
];

/** Imports everything any rule could forbid. */
function sinner(self: string): string {
  const siblings = packages.filter((name) => name !== self);
  return [
    ...siblings.map((name) => `import '@openrouter-proxy/${name}';`),
    ...siblings.map((name) => `import '../../${name}/src/inside.ts';`),
    ...libraries.map((name) => `import '${name}';`),
    "import 'node:sqlite';",
    "import './planted.ts';",
    "import './does-not-exist.ts';",
  ].join('\n');
}

async function outline(folder: string): Promise<void> {
  await mkdir(path.join(folder, 'node_modules/@openrouter-proxy'), { recursive: true });
  for (const name of ['tsconfig.base.json', 'tsconfig.json']) {
    await cp(path.join(root, name), path.join(folder, name));
  }
  for (const name of libraries) {
    await symlink(path.join(root, 'node_modules', name), path.join(folder, 'node_modules', name));
  }
  for (const name of packages) {
    const to = path.join(folder, 'packages', name);
    await mkdir(path.join(to, 'src'), { recursive: true });
    const manifest = JSON.parse(
      await readFile(path.join(root, 'packages', name, 'package.json'), 'utf8'),
    ) as { name: string };
    await writeFile(
      path.join(to, 'package.json'),
      JSON.stringify({ name: manifest.name, type: 'module', exports: './src/index.ts' }),
    );
    await writeFile(path.join(to, 'src/index.ts'), 'export const nothing = 0;\n');
    await writeFile(path.join(to, 'src/inside.ts'), 'export const nothing = 0;\n');
    await writeFile(path.join(to, 'src/planted.ts'), sinner(name));
    await symlink(to, path.join(folder, 'node_modules/@openrouter-proxy', name));
  }
}

const folder = await mkdtemp(path.join(tmpdir(), 'import-rules-'));
try {
  await outline(folder);
  const depcruise = path.join(root, 'node_modules/.bin/depcruise');
  const { stdout } = await execa({
    cwd: folder,
    reject: false,
  })`${depcruise} packages --config ${config} --output-type json`;
  const report = JSON.parse(stdout) as { summary: { violations: { rule: Rule }[] } };
  const bitten = new Set(report.summary.violations.map(({ rule }) => rule.name));
  const toothless = rules.forbidden.map(({ name }) => name).filter((name) => !bitten.has(name));
  for (const name of toothless)
    console.error(`the import rule ${name} did not report its violation`);
  process.exitCode = toothless.length === 0 ? 0 : 1;
} finally {
  await rm(folder, { recursive: true });
}
