import path from 'node:path';

const DIST = path.resolve(import.meta.dirname, '../../../dist');

/** The programs that the build makes, as files. */
export const PROGRAMS = {
  launcher: path.join(DIST, 'launcher.js'),
  cli: path.join(DIST, 'cli.js'),
} as const;
