/**
 * Writes the reference pages of docs/ from what they describe: the configuration's schema, the table of
 * commands, the metrics' own definitions, the table of endpoints; and into docs/clients.md and README.md the settings of each
 * client. With --check it writes nothing, and fails if one is stale.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { cliPage } from './reference/cli-page.ts';
import { clientsPage, readmePage } from './reference/client-settings.ts';
import { configurationPage } from './reference/configuration-page.ts';
import { endpointsPage } from './reference/endpoints-page.ts';
import { metricsPage } from './reference/metrics-page.ts';

/** Each page from the text that is there. */
const PAGES: Readonly<Record<string, (text: string) => string | Promise<string>>> = {
  'docs/configuration.md': configurationPage,
  'docs/cli.md': cliPage,
  'docs/metrics.md': metricsPage,
  'docs/endpoints.md': endpointsPage,
  'docs/clients.md': clientsPage,
  'README.md': readmePage,
};

for (const [name, page] of Object.entries(PAGES)) {
  const file = new URL(`../${name}`, import.meta.url);
  const style = await resolveConfig(file);
  const before = await readFile(file, 'utf8').catch(() => '');
  const text = await format(await page(before), { ...style, parser: 'markdown' });
  if (!process.argv.includes('--check')) await writeFile(file, text);
  else if (before !== text) {
    console.error(`${name} is stale: run \`node scripts/reference.ts\`.`);
    process.exitCode = 1;
  }
}
