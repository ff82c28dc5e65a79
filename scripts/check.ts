/** `npm run check`: format, lint, types, import rules, unused code, generated files. It runs all, then fails if one has. */
import { execa } from 'execa';

const CHECKS: Readonly<Record<string, string>> = {
  format: 'prettier --check .',
  types: 'tsc -p .',
  'types of the page': 'tsc -p packages/dashboard',
  lint: 'eslint .',
  'import rules': 'depcruise packages scripts --config scripts/import-rules.js',
  'folder cycles': 'depcruise packages --config scripts/folder-rules.js',
  'import rules report violations': 'node scripts/check-import-rules.ts',
  'unused code': 'knip --no-config-hints',
  'configuration schema': 'node scripts/config-schema.ts --check',
  'reference pages': 'node scripts/reference.ts --check',
  documents: 'node scripts/check-documents.ts',
};

let failed = 0;
for (const [name, command] of Object.entries(CHECKS)) {
  const startedAt = performance.now();
  const { exitCode, all } = await execa({ all: true, reject: false, shell: true })`${command}`;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${exitCode === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (exitCode !== 0) {
    failed += 1;
    console.log(all);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
