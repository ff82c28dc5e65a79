export type { Command } from './command.ts';
export { COMMANDS } from './commands/index.ts';
export { GLOBAL_OPTIONS } from './complete.ts';
export type { Io } from './io.ts';
export { run } from './run.ts';
