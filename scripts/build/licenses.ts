import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Metafile } from 'esbuild';

const ROOT = path.resolve(import.meta.dirname, '../..');
const LICENSE_FILE = /^(licen[cs]e|copying)/i;

/** The folder of a library that a bundled file belongs to: `node_modules/NAME` or `node_modules/@SCOPE/NAME`. */
const LIBRARY = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//;

/** The licences of all libraries in these bundles, as most of them ask for in every copy. */
export async function licensesOf(metafiles: readonly Metafile[]): Promise<string> {
  const files = metafiles.flatMap(({ inputs }) => Object.keys(inputs));
  const folders = new Set(files.flatMap((file) => LIBRARY.exec(file)?.[1] ?? []));
  const texts = await Promise.all([...folders].map(licenseOf));
  return ['This product contains the following libraries.\n', ...texts.sort()].join('\n');
}

async function licenseOf(folder: string): Promise<string> {
  const of = (file: string) => path.join(ROOT, folder, file);
  const manifest = JSON.parse(await readFile(of('package.json'), 'utf8')) as Record<string, string>;
  const { name, version, license } = manifest;
  const file = (await readdir(of('.'))).find((entry) => LICENSE_FILE.test(entry));
  const text =
    file === undefined ? '(the package has no licence file)' : await readFile(of(file), 'utf8');
  return `${name} ${version} (${license})\n\n${text.trim()}\n`;
}
