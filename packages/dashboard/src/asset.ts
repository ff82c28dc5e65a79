import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** A file that the browser asks for. Its name carries a hash of its content: it may be kept for ever. */
export interface Asset {
  /** Where it is served: `/metrics/assets/…`. */
  readonly path: string;
  readonly contentType: string;
  readonly body: Buffer;
}

/** What brings the page to life in the browser. */
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

/** The build puts this code into `dist/`, beside the assets; run from its source, it finds the same ones. */
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
