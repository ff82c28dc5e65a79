#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { compileCacheFolder } from './programs/compile-cache.ts';

// Enabled before other modules load: compilation takes most of a start.
const folder = compileCacheFolder(process.env, process.cwd());
if (folder !== null) enableCompileCache(folder);
const { runCommandLine } = await import('./command-line.ts');
process.exit(await runCommandLine());
