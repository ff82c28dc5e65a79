#!/usr/bin/env node
import { enableCompileCache } from 'node:module';

// Before anything else is loaded: compiling is most of what a short command does.
enableCompileCache();
const { run } = await import('./run.ts');
const { processIo } = await import('./io.ts');
process.exitCode = await run(process.argv.slice(2), processIo());
