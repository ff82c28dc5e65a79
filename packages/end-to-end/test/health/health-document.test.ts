import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { HEALTH_CAUSES, healthLevelOf } from '@openrouter-proxy/kms-protocol';
import { expect, it } from 'vitest';

const DOCUMENT = path.resolve(import.meta.dirname, '../../../../docs/troubleshooting.md');

it('troubleshooting has a row for each cause, which says whether it is a warning', async () => {
  const text = await readFile(DOCUMENT, 'utf8');
  const rows = text.split('\n').flatMap((line) => {
    const [, kind, warning] = /^\| `(\w+)`( \(warning\))? *\|/.exec(line) ?? [];
    return kind === undefined ? [] : [[kind, warning === undefined ? 'critical' : 'warning']];
  });
  const told = new Map(
    rows.filter(([kind]) => HEALTH_CAUSES.some((cause) => cause === kind)) as [string, string][],
  );
  const known = new Map(HEALTH_CAUSES.map((kind) => [kind, healthLevelOf([{ kind }])]));
  expect(told).toEqual(known);
});
