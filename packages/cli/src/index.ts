export type { Command } from './commands/command.ts';
export { COMMANDS } from './commands/index.ts';
export { GLOBAL_OPTIONS } from './complete.ts';
export type { Io } from './connection/io.ts';
export { run } from './run.ts';
