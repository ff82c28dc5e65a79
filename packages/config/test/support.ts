import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { EXIT, StartupError } from '@openrouter-proxy/runtime';
import { loadConfig, type LoadedConfig, type ConfigInputs } from '../src/index.ts';

/** A value shaped like an OpenRouter key, new at each call. */
export const newKey = () => `sk-or-v1-${randomBytes(32).toString('hex')}`;

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'config-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Loads `content` as config.yml of a folder of its own; nothing of the real environment is seen. */
export async function load(
  content: string | Uint8Array | null,
  inputs: Partial<ConfigInputs> = {},
): Promise<LoadedConfig> {
  const cwd = inputs.cwd ?? (await temporaryFolder());
  if (content !== null) await writeFile(join(cwd, 'config.yml'), content, { mode: 0o600 });
  return loadConfig({ env: {}, cwd, ...inputs });
}

/** The problems that loading it names. Fails if it loads, or fails otherwise than by a StartupError. */
export async function problemsOf(...options: Parameters<typeof load>): Promise<readonly string[]> {
  const error: unknown = await load(...options).then(
    () => new Error('loaded without a problem'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof StartupError)) throw error;
  if (error.exitCode !== EXIT.configuration) throw new Error('wrong exit code', { cause: error });
  return error.problems;
}
