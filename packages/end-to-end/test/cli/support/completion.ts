import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PROGRAMS } from '@openrouter-proxy/end-to-end';
import { onTestFinished } from 'vitest';
import { kms, type Product } from './product.ts';

/** A folder with `kms` in it, as an installation has it, and a completion script for a shell. */
export async function installCompletion(
  product: Product,
  shell: string,
): Promise<{ folder: string; env: NodeJS.ProcessEnv }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kms-completion-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const wrapper = `#!/bin/sh\nexec ${process.execPath} ${PROGRAMS.cli} "$@"\n`;
  await writeFile(path.join(folder, 'kms'), wrapper, { mode: 0o755 });
  await writeFile(path.join(folder, 'script'), (await kms(['completion', shell])).out);
  const env = {
    PATH: `${folder}:${process.env['PATH'] ?? ''}`,
    OPENROUTER_PROXY_CONFIG: product.config,
    HOME: folder,
  };
  return { folder, env };
}
