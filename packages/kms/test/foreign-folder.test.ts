import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { fakeKeys } from './support/fake-keys.ts';
import { useKmsProcesses } from './support/kms-process.ts';
import { handOverFor } from './support/start-kms.ts';

const NOBODY = 65_534;
const processes = useKmsProcesses();

it('exits with 78 when another user owns the folder of its state', async () => {
  const folder = await mkdtemp('/tmp/kms-foreign-'); // every user can reach this folder
  onTestFinished(() => rm(folder, { recursive: true }));
  await chmod(folder, 0o755);
  const configuration = handOverFor(join(folder, 'state'), fakeKeys(null));
  const started = processes.start(configuration, { uid: NOBODY });
  expect(await started.exited).toBe(78);
  expect(started.output()).toContain(folder);
});
