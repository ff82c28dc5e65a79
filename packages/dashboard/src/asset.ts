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

const folder = path.join(import.meta.dirname, 'assets');
const served = (name: string) => `/metrics/assets/${name}`;

/** Reads what Vite built. Fails if the package was not built. */
export async function readAssets(): Promise<Assets> {
  const names = (await readdir(folder)).filter((name) => path.extname(name) in CONTENT_TYPE);
  const files = await Promise.all(names.map(readAsset));
  return { script: only(names, '.js'), style: only(names, '.css'), files };
}

async function readAsset(name: string): Promise<Asset> {
  const contentType = CONTENT_TYPE[path.extname(name)] ?? 'application/octet-stream';
  return { path: served(name), contentType, body: await readFile(path.join(folder, name)) };
}

/** The page names one script and one style sheet: what Vite bundles each of them to. */
function only(names: readonly string[], extension: string): string {
  const [name, ...others] = names.filter((each) => path.extname(each) === extension);
  if (name === undefined || others.length > 0) {
    throw new Error(`${folder} must hold one ${extension} file: build it with vite build`);
  }
  return served(name);
}
