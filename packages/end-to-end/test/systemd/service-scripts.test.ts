import path from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';

const PROJECT = path.resolve(import.meta.dirname, '../../../..');
const SCRIPTS = [
  'service_install.sh',
  'service_uninstall.sh',
  'deploy/systemd/kms',
  'scripts/with-build.sh',
  'scripts/mutate.sh',
];

it('shellcheck finds no fault with the shell scripts', async () => {
  const options = { cwd: PROJECT, reject: false, all: true } as const;
  const { exitCode, all } = await execa('shellcheck', SCRIPTS, options);
  expect([exitCode, all]).toEqual([0, '']);
});
