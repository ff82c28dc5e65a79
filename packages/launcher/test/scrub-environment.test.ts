import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';

const program = join(import.meta.dirname, 'fixtures', 'scrubs.ts');

it.runIf(process.platform === 'linux')(
  'leaves nothing of a secret variable for other processes to read, and the rest as it was',
  async () => {
    const canary = randomUUID();
    const before = { BEFORE: 'größe' };
    const after = { KEYS_TOO: 'a=b', AFTER: '' };
    const kept = { ...before, ...after };
    const process_ = execa(process.execPath, [program, 'KEYS', 'TOKEN', 'UNSET'], {
      env: { ...before, KEYS: `${canary},=${canary}`, ...after, TOKEN: canary },
      extendEnv: false,
      stdin: 'pipe',
      buffer: false,
    });
    const [line] = (await once(process_.stdout, 'data')) as [Buffer];
    const visible = await readFile(`/proc/${process_.pid}/environ`, 'utf8');
    process_.stdin.end();
    await process_;
    expect(JSON.parse(line.toString())).toEqual({ scrubbed: true, environment: kept });
    expect(visible).not.toContain(canary);
    expect(visible.split('\0').filter((entry) => entry !== '')).toEqual(
      Object.entries(kept).map(([name, value]) => `${name}=${value}`),
    );
  },
);
