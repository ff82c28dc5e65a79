import { launchProduct, type Log, type LogLine, type Settings } from '@openrouter-proxy/end-to-end';
import { expect, onTestFinished } from 'vitest';
import { childOf, type ChildProgram } from './processes.ts';
import { newKey } from './system.ts';

/** The lines of a log that have a message. */
export const linesOf = ({ lines }: Log, message: string): LogLine[] =>
  lines.filter((line) => line.message === message);

/** The settings of a launch: the section `server`, on a free port. */
const withServer = (server: object): Settings => ({
  server: { port: 0, log_format: 'json', ...server },
});

/** Starts the launcher in a process group of its own; the test kills it at its end. */
export async function launch(
  folder: string,
  server: object = {},
  environment: Record<string, string> = { OPENROUTER_KEYS: newKey() },
  args: readonly string[] = [],
) {
  const product = await launchProduct({
    ...{ folder, environment, args, settings: withServer(server), hasOwnGroup: true },
  });
  onTestFinished(async () => {
    product.signal('SIGKILL');
    await product.ended;
  });
  const { pid, config, stdout, stderr, ended, signal } = product;
  return {
    ...{ pid, config, stdout, stderr, ended, signal },
    /** Writes the file again, with another `server` section. */
    configure: (changed: object) => product.configure(withServer(changed)),
    /** Resolves with the summary of the n-th time that everything serves. */
    ready: async (time = 1): Promise<LogLine> => {
      await expect.poll(() => linesOf(stdout, 'ready').length).toBeGreaterThanOrEqual(time);
      const line = linesOf(stdout, 'ready')[time - 1];
      if (line === undefined) throw new Error('a line has left the log');
      return line;
    },
    /** The process that runs one of the two services. */
    child: async (name: ChildProgram): Promise<number> => {
      await expect.poll(() => childOf(pid, name)?.pid).toBeDefined();
      return childOf(pid, name)?.pid ?? NaN;
    },
  };
}
