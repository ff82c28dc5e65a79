import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from '../build.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const METRICS = 'packages/gateway/src/metrics/gateway-metrics.ts';

/** In place of the gateway's metrics: nothing is counted. */
const NO_METRICS = `
const none = () => undefined;
export const createMetrics = () => ({
  request: none, attempt: none, leased: none, returned: none, modelsCacheHit: none, modelsCacheMiss: none,
  modelsCache: () => ({ hits: 0, misses: 0 }),
  families: () => Promise.resolve([]),
});
`;

/**
 * Builds the product with a gateway that counts nothing into `dist/` of a folder, and gives the path
 * of its launcher: running both shows what metrics cost.
 */
export async function productWithoutMetrics(folder: string): Promise<string> {
  await copyFile(path.join(ROOT, 'package.json'), path.join(folder, 'package.json'));
  await build(path.join(folder, 'dist'), { replace: { file: METRICS, text: NO_METRICS } });
  return path.join(folder, 'dist/launcher.js');
}
