/**
 * Assembles what a running gateway needs, and nothing else, from a tree that is installed and built:
 * `node scripts/production-tree.ts FOLDER`. The libraries are the very ones of node_modules, so that
 * what runs is what was tested, and no registry is asked.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import path from 'node:path';

/** An entry of package-lock.json (docs.npmjs.com, "package-lock.json"). */
interface Locked {
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly link?: boolean;
}

/** What stands in for OpenRouter in tests. */
const STAND_IN = 'fake-openrouter';
const FILES = ['package.json', 'LICENSE', 'config.yml.example'];
/** For compilers and debuggers. */
const NOT_RUN = /\.d\.ts$|\.map$|\.tsbuildinfo$/;

const root = path.resolve(import.meta.dirname, '..');
const [, , target] = process.argv;
if (target === undefined) throw new Error('Name the folder to be made.');

const locked = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, Locked>; // npm's own file
};

function copy(name: string, filter: (source: string) => boolean = () => true): void {
  const source = path.join(root, name);
  cpSync(source, path.join(target ?? '', name), { recursive: true, filter });
}

function link(name: string): void {
  const place = path.join(target ?? '', name);
  mkdirSync(path.dirname(place), { recursive: true });
  symlinkSync(readlinkSync(path.join(root, name)), place);
}

function isNeeded([name, { dev, devOptional, optional }]: [string, Locked]): boolean {
  if (name === '' || path.basename(name) === STAND_IN) return false;
  const isLeftOut = optional === true && !existsSync(path.join(root, name));
  const isPinnedNode = name.startsWith('node_modules/node-'); // the binary alone is installed
  return dev !== true && devOptional !== true && !isLeftOut && !isPinnedNode;
}

for (const name of FILES) copy(name);
for (const [name, { link: isLink }] of Object.entries(locked.packages).filter(isNeeded)) {
  if (isLink === true) link(name);
  else if (name.includes('node_modules')) {
    // Another package inside it has an entry of its own, and may not be needed.
    const inside = path.join(root, name, 'node_modules');
    copy(name, (source) => source !== inside);
  } else {
    copy(path.join(name, 'package.json'));
    copy(path.join(name, 'dist'), (source) => !NOT_RUN.test(source));
  }
}
