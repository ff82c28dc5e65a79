import { cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../..');
const OURS = '@openrouter-proxy';

/** In place of the gateway's metrics: nothing is counted. */
const NO_METRICS = `
const none = () => undefined;
export const createMetrics = () => ({
  exchange: none, attempt: none, leased: none, returned: none, modelsCacheHit: none, modelsCacheMiss: none,
  modelsCache: () => ({ hits: 0, misses: 0 }),
  families: () => Promise.resolve([]),
});
`;

/**
 * Copies the built product into a folder, with a gateway that counts nothing, and gives the path of its
 * launcher: what metrics cost is seen by running both.
 */
export async function productWithoutMetrics(folder: string): Promise<string> {
  const modules = path.join(folder, 'node_modules');
  await mkdir(path.join(modules, OURS), { recursive: true });
  for (const name of await readdir(path.join(ROOT, 'node_modules'))) {
    if (name === OURS) continue;
    await symlink(path.join(ROOT, 'node_modules', name), path.join(modules, name));
  }
  for (const name of await readdir(path.join(ROOT, 'packages'))) {
    const [from, to] = [path.join(ROOT, 'packages', name), path.join(folder, 'packages', name)];
    for (const part of ['package.json', 'dist']) {
      await cp(path.join(from, part), path.join(to, part), { recursive: true });
    }
    await symlink(to, path.join(modules, OURS, name));
  }
  const metrics = path.join(folder, 'packages/gateway/dist/metrics/gateway-metrics.js');
  await writeFile(metrics, NO_METRICS);
  return path.join(folder, 'packages/launcher/dist/main.js');
}
