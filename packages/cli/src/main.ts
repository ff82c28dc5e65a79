#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { userInfo } from 'node:os';
import path from 'node:path';

/**
 * Where compiled code is kept from one command to the next: what is found there is run, so it is the home
 * of whoever runs it, and no folder that others can write to. A user without a name has none.
 */
function cacheFolder(): string | undefined {
  try {
    return path.join(userInfo().homedir, '.cache', 'openrouter-proxy');
  } catch {
    return undefined;
  }
}

// Before anything else is loaded: compiling is most of what a short command does.
const folder = cacheFolder();
if (folder !== undefined) enableCompileCache(folder);
const { run } = await import('./run.ts');
const { processIo } = await import('./connection/io.ts');
process.exitCode = await run(process.argv.slice(2), processIo());
