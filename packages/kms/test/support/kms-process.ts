import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { kmsConfiguration, type KmsConfiguration } from '@openrouter-proxy/config';
import { afterEach } from 'vitest';

/** The built program: it starts four times as fast as its source. */
const MAIN = fileURLToPath(new URL('../../../../dist/kms.js', import.meta.url));

/** A key management service in a process of its own. */
export interface KmsProcess {
  readonly child: ChildProcess;
  /** What it has written, to both streams. */
  readonly output: () => string;
  /** Resolves with the exit code; null if a signal ended it. */
  readonly exited: Promise<number | null>;
}

/** Starts the service as the launcher does; kills what is left of them after each test. */
export function useKmsProcesses() {
  const started: KmsProcess[] = [];
  afterEach(async () => {
    for (const { child, exited } of started.splice(0)) {
      child.kill('SIGKILL');
      await exited;
    }
  });

  function start(configuration: KmsConfiguration, identity: { uid?: number } = {}): KmsProcess {
    const child = fork(MAIN, { stdio: ['pipe', 'pipe', 'pipe', 'ipc'], execArgv: [], ...identity });
    let written = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (written += text));
    }
    const exited = once(child, 'close').then(([code]) => code as number | null); // as Node has it
    child.stdin?.on('error', () => undefined); // of a child that has ended at once
    child.stdin?.write(`${JSON.stringify(kmsConfiguration.encode(configuration))}\n`);
    const process = { child, exited, output: () => written };
    started.push(process);
    return process;
  }

  return {
    start,
    /** Starts it and waits until it serves. */
    async startReady(configuration: KmsConfiguration): Promise<KmsProcess> {
      const process = start(configuration);
      const ended = process.exited.then((code) => {
        throw new Error(`it ended with ${code}: ${process.output()}`);
      });
      await Promise.race([once(process.child, 'message'), ended]);
      return process;
    },
  };
}
