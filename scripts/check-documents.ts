/**
 * Compares the documents with the code: packages, files, dependencies, scripts, links, settings, commands,
 * metrics.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { COMMANDS } from '@openrouter-proxy/cli';

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

/** The most stops on the path of a request: more, and nobody keeps them in mind. */
const MAX_STOPS = 20;

/** Whether a source declares a function, a class, or a member of a class. */
function declares(source: string, name: string): boolean {
  const [outer = '', member] = name.split('.');
  const isThere = new RegExp(`\\b(?:function|class|const) ${outer}\\b`).test(source);
  const isMember =
    member === undefined || new RegExp(`^  (?:async )?${member}\\(`, 'm').test(source);
  return isThere && isMember;
}

/** The path of a request is a numbered list; every `file.ts:function` in it exists. */
function checkPath(): void {
  const [, section = ''] = /^## The path of a request\n(.*?)^## /ms.exec(architecture) ?? [];
  const stops = section.match(/^\d+\. `[\w./-]+\.ts:[\w.]+`/gm) ?? [];
  if (stops.length === 0 || stops.length > MAX_STOPS) {
    problems.push(`ARCHITECTURE.md: the path of a request has ${stops.length} stops`);
  }
  for (const [, file = '', name = ''] of section.matchAll(/`([\w./-]+\.ts):([\w.]+)`/g)) {
    const place = `packages/gateway/src/${file}`;
    if (!existsSync(path.join(root, place)) || !declares(read(place), name)) {
      problems.push(
        `ARCHITECTURE.md: the path of a request names ${file}:${name}, which is not there`,
      );
    }
  }
}
checkPath();

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

const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  ...globSync('docs/*.md', { cwd: root }),
];
const scripts = manifest('package.json').scripts ?? {};
const schema = JSON.parse(read('config.schema.json')) as Setting;
const metrics = read('docs/metrics.md');
const commands = COMMANDS.map(({ name }) => name);

/** As much of a JSON Schema as says which settings there are. */
interface Setting {
  properties?: Record<string, Setting>;
}

function isSetting(name: string): boolean {
  let place: Setting | undefined = schema;
  for (const part of name.split('.')) place = place?.properties?.[part];
  return place !== undefined;
}

for (const file of documents) {
  const text = read(file);
  const wrong = (what: string) => problems.push(`${file}: ${what}`);
  for (const [, name = ''] of text.matchAll(
    /(?:^|`)npm (?:run (?:-s )?)?(start|test|[\w:-]+)(?=[\s`]|$)/gm,
  )) {
    if (!['install', 'ci', 'run', 'pack'].includes(name) && !(name in scripts)) {
      wrong(`there is no script \`npm run ${name}\``);
    }
  }
  for (const [, target = '', anchor] of text.matchAll(
    /\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g,
  )) {
    const place = target === '' ? file : path.join(path.dirname(file), target);
    if (!existsSync(path.join(root, place))) wrong(`the link to ${target} leads nowhere`);
    else if (anchor !== undefined && !anchorsOf(read(place)).includes(anchor)) {
      wrong(`the link to ${target}#${anchor} leads nowhere`);
    }
  }
  const settings = /`((?:server|openrouter|requestProxy|kms|state)\.[a-z][\w.]*)`/g;
  for (const [, name = ''] of text.matchAll(settings)) {
    if (!/\.(?:ts|js|yml|sock|db|md|sh|json)$/.test(name) && !isSetting(name)) {
      wrong(`there is no setting ${name}`);
    }
  }
  for (const [, name = ''] of text.matchAll(
    /(?<![\w/])kms ((?:config )?[a-z][a-z-]*)(?=[ `\n]|$)/g,
  )) {
    if (/^`?kms /.test(`kms ${name}`) && isCommandLike(text, name) && !commands.includes(name)) {
      wrong(`there is no command kms ${name}`);
    }
  }
  for (const [name] of text.matchAll(/\bopenrouter_(?:proxy|tokens)_[a-z_]+[a-z]\b/g)) {
    const isKnown = metrics.includes(`\`${name}`) || name.startsWith('openrouter_proxy_system_');
    if (file !== 'docs/metrics.md' && !isKnown) wrong(`there is no metric ${name}`);
  }
  for (const [, name = ''] of text.matchAll(/`((?:deploy|scripts|packages|docs)\/[\w./-]+)`/g)) {
    const isThere =
      existsSync(path.join(root, name)) || existsSync(path.join(root, 'packages', name));
    if (!isThere) wrong(`there is no file ${name}`);
  }
}

/** In code only: elsewhere `kms` is a word among others. */
function isCommandLike(text: string, name: string): boolean {
  return text.includes(`\`kms ${name}`) || new RegExp(`^kms ${name}`, 'm').test(text);
}

/** What headings may be linked to as, by GitHub's rule. */
function anchorsOf(text: string): string[] {
  return Array.from(text.matchAll(/^#+ (.+)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
