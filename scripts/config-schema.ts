/**
 * Writes config.schema.json, the JSON Schema for editors, from the schema that validates config.yml. With
 * --check it writes nothing, and fails if the file is stale.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { configJsonSchema } from '@openrouter-proxy/config';

const file = new URL('../config.schema.json', import.meta.url);
const text = `${JSON.stringify(configJsonSchema(), null, 2)}\n`;

if (process.argv.includes('--check')) {
  const isCurrent = existsSync(file) && (await readFile(file, 'utf8')) === text;
  if (!isCurrent)
    console.error('config.schema.json is stale: run `node scripts/config-schema.ts`.');
  process.exitCode = isCurrent ? 0 : 1;
} else {
  await writeFile(file, text);
}
