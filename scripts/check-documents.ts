/** Holds README.md and ARCHITECTURE.md against the code: packages, files, dependencies, scripts, links. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';

interface Manifest {
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

const root = path.resolve(import.meta.dirname, '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const manifest = (file: string) => JSON.parse(read(file)) as Manifest;

const problems: string[] = [];
const architecture = read('ARCHITECTURE.md');
const readme = read('README.md');

const packages = globSync('packages/*/package.json', { cwd: root });
for (const name of packages.map((file) => path.basename(path.dirname(file)))) {
  if (!architecture.includes(`| \`${name}\``))
    problems.push(`ARCHITECTURE.md: no row for packages/${name}`);
}

/** A file named as `package/src/file.ts`; one named without a folder stands beside the one before it. */
let folder = '';
for (const [, name = ''] of architecture.matchAll(/`([\w./-]+\.(?:ts|js))`/g)) {
  if (name.includes('/')) folder = path.dirname(name);
  const candidates = [name, `packages/${name}`, `packages/${folder}/${name}`];
  const anywhere = globSync(`packages/*/src/${name}`, { cwd: root }).length > 0;
  if (!anywhere && !candidates.some((file) => existsSync(path.join(root, file)))) {
    problems.push(`ARCHITECTURE.md: there is no file ${name}`);
  }
}

for (const file of ['package.json', ...packages]) {
  const { dependencies = {}, devDependencies = {} } = manifest(file);
  for (const name of Object.keys({ ...dependencies, ...devDependencies })) {
    const ours = name.startsWith('@openrouter-proxy/');
    // Scopes and the proxy agents are named as families.
    const family = name.replace(/^@types\//, '').replace(/^(@[\w-]+)\/.*/, '$1');
    const named = architecture.includes(
      family.replace(/^(http|https|socks)-proxy-agent$/, '-proxy-agent'),
    );
    if (!ours && !named)
      problems.push(`ARCHITECTURE.md: the dependency ${name} does not earn a line`);
  }
}

const scripts = manifest('package.json').scripts ?? {};
for (const [, name = ''] of readme.matchAll(/npm (?:run )?(start|test|[\w:-]+)(?=[\s`]|$)/gm)) {
  if (!['install', 'ci', 'run'].includes(name) && !(name in scripts)) {
    problems.push(`README.md: there is no script \`npm run ${name}\``);
  }
}

for (const file of ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md']) {
  for (const [, target = ''] of read(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
    if (!existsSync(path.join(root, target)))
      problems.push(`${file}: the link to ${target} leads nowhere`);
  }
}

for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
