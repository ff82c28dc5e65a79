import { readFileSync } from 'node:fs';

/** The version in a package.json. Throws if there is none. */
export function packageVersion(manifest: URL): string {
  const json: unknown = JSON.parse(readFileSync(manifest, 'utf8'));
  const hasVersion = typeof json === 'object' && json !== null && 'version' in json;
  if (hasVersion && typeof json.version === 'string') return json.version;
  throw new TypeError(`no version in ${manifest.pathname}`);
}
