/**
 * `node scripts/production-tree.ts FOLDER`: copies the files that a running gateway needs from a built tree.
 * The programs include their libraries, so nothing is installed.
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const FILES = ['dist', 'LICENSE', 'config.yml.example', 'config.schema.json'];

const root = path.resolve(import.meta.dirname, '..');
const [, , target] = process.argv;
if (target === undefined) throw new Error('Name the folder to be made.');

for (const name of FILES) {
  cpSync(path.join(root, name), path.join(target, name), { recursive: true });
}
const manifest = readFileSync(path.join(root, 'package.json'), 'utf8');
const { name, version, license, type } = JSON.parse(manifest) as Record<string, unknown>;
writeFileSync(
  path.join(target, 'package.json'),
  `${JSON.stringify({ name, version, license, type }, null, 2)}\n`,
);
