/**
 * Writes the reference pages of docs/ from what they describe: the configuration's schema, the table of
 * commands, the metrics' own definitions. With --check it writes nothing, and fails if one is stale.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { cliPage } from './reference/cli-page.ts';
import { configurationPage } from './reference/configuration-page.ts';
import { metricsPage } from './reference/metrics-page.ts';

const PAGES = {
  'configuration.md': configurationPage,
  'cli.md': cliPage,
  'metrics.md': metricsPage,
} as const;

for (const [name, page] of Object.entries(PAGES)) {
  const file = new URL(`../docs/${name}`, import.meta.url);
  const style = await resolveConfig(file);
  const text = await format(await page(), { ...style, parser: 'markdown' });
  if (!process.argv.includes('--check')) {
    await writeFile(file, text);
    continue;
  }
  const isCurrent = (await readFile(file, 'utf8').catch(() => '')) === text;
  if (isCurrent) continue;
  console.error(`docs/${name} is stale: run \`node scripts/reference.ts\`.`);
  process.exitCode = 1;
}
