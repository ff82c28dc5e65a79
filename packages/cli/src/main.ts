#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { userInfo } from 'node:os';
import path from 'node:path';

/**
 * The folder of the compile cache. Code in it is executed, so it is in the user's home, where nobody else
 * can write. A user without a home folder has no cache.
 */
function cacheFolder(): string | undefined {
  try {
    return path.join(userInfo().homedir, '.cache', 'openrouter-proxy');
  } catch {
    return undefined;
  }
}

// Enabled before other modules load: compilation takes most of a short command.
const folder = cacheFolder();
if (folder !== undefined) enableCompileCache(folder);
const { run } = await import('./run.ts');
const { processIo } = await import('./connection/io.ts');
process.exitCode = await run(process.argv.slice(2), processIo());
