import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** An operation that a client library can call. */
export interface SdkOperation {
  /** The library's own file for it. */
  file: string;
  method: string;
  /** Below `/api/v1`, or from `/api/` on. */
  path: string;
}

const FUNCTIONS = new URL('funcs/', import.meta.resolve('@openrouter/sdk'));

/** Every operation of the installed `@openrouter/sdk`: it has a file for each, with its method and its path. */
export function sdkOperations(): SdkOperation[] {
  const files = readdirSync(fileURLToPath(FUNCTIONS)).filter((file) => file.endsWith('.js'));
  return files.flatMap((file) => {
    const source = readFileSync(fileURLToPath(new URL(file, FUNCTIONS)), 'utf8');
    const paths = [...source.matchAll(/pathToFunc\("([^"]+)"/g)].map(([, path = '']) => path);
    const methods = [...source.matchAll(/^\s*method: "([A-Z]+)",$/gm)].map(([, verb = '']) => verb);
    if (!source.includes('client._createRequest(')) return [];
    if (paths.length !== 1 || methods.length !== 1) throw new Error(`cannot read ${file}`);
    return [{ file, method: methods[0] ?? '', path: paths[0] ?? '' }];
  });
}
