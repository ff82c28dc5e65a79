import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { installationOf } from './installation.ts';

/** A folder with these files, and a program in its folder dist. */
function installed(...files: string[]): { root: string; dist: string } {
  const root = mkdtempSync(path.join(tmpdir(), 'installation-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const name of ['dist/launcher.js', 'config.yml.example', ...files]) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), '');
  }
  return { root, dist: path.join(root, 'dist') };
}

test.each([
  ['a checkout', ['scripts/with-build.sh'], 'checkout', 'npm start'],
  ['an npm package', ['bin/openrouter-proxy.cjs'], 'package', 'npx openrouter-proxy'],
  ['a copied tree', [], 'copy', 'systemctl start openrouter-proxy'],
])('knows how to start %s', (_title, files, kind, startCommand) => {
  const { root, dist } = installed(...files);
  const exampleConfig = path.join(root, 'config.yml.example');
  expect(installationOf(dist)).toEqual({ kind, startCommand, exampleConfig });
});

test('these sources are of a checkout', () => {
  expect(installationOf().kind).toBe('checkout');
});
