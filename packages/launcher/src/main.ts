#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { compileCacheFolder } from './programs/compile-cache.ts';

// Before anything else is loaded: compiling is most of what a start does.
const folder = compileCacheFolder(process.env, process.cwd());
if (folder !== null) enableCompileCache(folder);
const { runCommandLine } = await import('./command-line.ts');
process.exit(await runCommandLine());
