import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** A file for the browser. Its name has a hash of its content, so it can be cached without limit. */
export interface Asset {
  /** Where it is served: `/metrics/assets/…`. */
  readonly path: string;
  readonly contentType: string;
  readonly body: Buffer;
}

/** The script and style sheet of the page. */
export interface Assets {
  /** The paths that {@link renderPage} names. */
  readonly script: string;
  readonly style: string;
  readonly files: readonly Asset[];
}

const CONTENT_TYPE: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/** The build puts this code into `dist/`, beside the assets. Run from its source, it finds them in `dist/` too. */
const beside = path.join(import.meta.dirname, 'assets');
const folder = existsSync(beside)
  ? beside
  : path.resolve(import.meta.dirname, '../../../dist/assets');

const served = (name: string) => `/metrics/assets/${name}`;

/** Reads the built script and style sheet. Fails if there is no build. */
export async function readAssets(): Promise<Assets> {
  const names = (await readdir(folder)).filter((name) => path.extname(name) in CONTENT_TYPE);
  const files = await Promise.all(names.map(readAsset));
  return { script: only(names, '.js'), style: only(names, '.css'), files };
}

async function readAsset(name: string): Promise<Asset> {
  const contentType = CONTENT_TYPE[path.extname(name)] ?? 'application/octet-stream';
  return { path: served(name), contentType, body: await readFile(path.join(folder, name)) };
}

/** The page names one script and one style sheet: one bundle each. */
function only(names: readonly string[], extension: string): string {
  const [name, ...others] = names.filter((each) => path.extname(each) === extension);
  if (name === undefined || others.length > 0) {
    throw new Error(`${folder} must hold one ${extension} file. Run: node scripts/build.ts`);
  }
  return served(name);
}
