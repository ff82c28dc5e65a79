/**
 * Checks that each import rule reports a violation: an empty copy of the packages gets files that break
 * every rule, and each rule must be among those reported.
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
const configs = ['import-rules.js', 'folder-rules.js'].map((name) =>
  path.join(import.meta.dirname, name),
);
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
function everythingForbidden(self: string): string {
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

/** Files in folders of a package, each of which breaks a rule about folders. */
const PLANTED_IN_FOLDERS: Readonly<Record<string, readonly string[]>> = {
  'gateway/src/request/planted.ts': ['../dashboard/inside.ts', '../workers/inside.ts'],
  'gateway/src/dashboard/inside.ts': ['../request/inside.ts'],
  'gateway/src/outcome/planted.ts': ['../http/inside.ts', 'node:net'],
  'gateway/src/request/inside.ts': [],
  'gateway/src/workers/inside.ts': [],
  'gateway/src/http/inside.ts': [],
  'kms/src/limits/planted.ts': ['../store/sqlite/inside.ts', 'node:fs'],
  'kms/src/store/sqlite/inside.ts': [],
};

async function plantInFolders(folder: string): Promise<void> {
  for (const [name, imports] of Object.entries(PLANTED_IN_FOLDERS)) {
    const file = path.join(folder, 'packages', name);
    await mkdir(path.dirname(file), { recursive: true });
    const lines = imports.map((target) => `import '${target}';\n`);
    await writeFile(file, `${lines.join('')}export const nothing = 0;\n`);
  }
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
    await writeFile(path.join(to, 'src/planted.ts'), everythingForbidden(name));
    await symlink(to, path.join(folder, 'node_modules/@openrouter-proxy', name));
  }
}

/** A script that reaches into a package. */
async function plantScript(folder: string): Promise<void> {
  await mkdir(path.join(folder, 'scripts'));
  await writeFile(
    path.join(folder, 'scripts/planted.ts'),
    "import '../packages/kms/src/inside.ts';\n",
  );
}

async function violatedRules(folder: string, config: string): Promise<ReadonlySet<string>> {
  const depcruise = path.join(root, 'node_modules/.bin/depcruise');
  const { stdout } = await execa({
    cwd: folder,
    reject: false,
  })`${depcruise} packages scripts --config ${config} --output-type json`;
  const report = JSON.parse(stdout) as { summary: { violations: { rule: Rule }[] } };
  return new Set(report.summary.violations.map(({ rule }) => rule.name));
}

const folder = await mkdtemp(path.join(tmpdir(), 'import-rules-'));
try {
  await outline(folder);
  await plantInFolders(folder);
  await plantScript(folder);
  for (const config of configs) {
    const { default: rules } = (await import(config)) as { default: Config };
    const reported = await violatedRules(folder, config);
    for (const { name } of rules.forbidden.filter((rule) => !reported.has(rule.name))) {
      console.error(`the import rule ${name} did not report its violation`);
      process.exitCode = 1;
    }
  }
} finally {
  await rm(folder, { recursive: true });
}
