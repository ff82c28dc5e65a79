import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Stage, eventually, isRunning } from './fixtures/stage.ts';

let stage: Stage;

beforeEach(async () => {
  stage = await Stage.set();
});

afterEach(async () => {
  await stage[Symbol.asyncDispose]();
});

it('no child outlives a launcher that is killed, not even one that ignores SIGTERM', async () => {
  const program = join(import.meta.dirname, 'fixtures', 'launches.ts');
  const launcher = execa(process.execPath, [program, stage.folder], { reject: false });
  await stage.happened('launcher sees the gateway');
  const children = [await stage.happened('kms serves'), await stage.happened('gateway serves')];
  expect(children.map(isRunning)).toEqual([true, true]);
  launcher.kill('SIGKILL');
  await launcher;
  await eventually(() => (children.some(isRunning) ? undefined : true));
});
