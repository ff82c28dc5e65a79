import { readFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectToUnixSocket, KmsClient } from '@openrouter-proxy/kms-protocol';
import { execa } from 'execa';

const LAUNCHER = path.resolve(import.meta.dirname, '../../dist/launcher.js');
const START_TIMEOUT_MS = 20_000;

/** How the product is run. */
export interface InstallationOptions {
  /** Holds everything it writes; made if it is not there. */
  readonly folder: string;
  readonly port: number;
  /** `config.yml`, but for the port and the log's format. */
  readonly settings: Readonly<Record<string, object>>;
  /** Another build of it. */
  readonly launcher?: string;
}

/** The product as a user runs it: launcher, key service and gateway. */
export interface Installation {
  readonly url: string;
  /** Its `config.yml`. */
  readonly config: string;
  /** The file that its log goes to. */
  readonly log: string;
  /** The launcher's process. */
  readonly pid: number;
  /** Resolves with the launcher's exit code when it has ended. */
  readonly ended: Promise<number | undefined>;
  /** An operator's connection to its key service; whoever asks for it closes it. */
  operator(): Promise<KmsClient>;
  /** Resolves with the launcher's exit code. */
  stop(): Promise<number | undefined>;
}

/** Starts the product; it serves when this resolves. Throws if it does not come to that. */
export async function startInstallation(options: InstallationOptions): Promise<Installation> {
  const { folder, port, settings, launcher = LAUNCHER } = options;
  await mkdir(folder, { recursive: true });
  const config = path.join(folder, 'config.yml');
  const server = { log_format: 'json', ...settings['server'], port };
  await writeFile(config, JSON.stringify({ ...settings, server }), { mode: 0o600 });
  const log = path.join(folder, 'log');
  const child = execa(process.execPath, [launcher, '--config', config], {
    env: { PORT: String(port) }, // one that is set for another program would replace the file's
    stdout: { file: log },
    reject: false,
  });
  const ended = child.then(({ exitCode }) => exitCode);
  const url = `http://127.0.0.1:${port}`;
  const stop = () => {
    child.kill('SIGTERM');
    return ended;
  };
  if (!(await serves(url, ended))) {
    await stop();
    throw new Error(`The product did not start:\n${await readFile(log, 'utf8')}`);
  }
  const operator = () => connectOperator(path.join(folder, '.openrouter-proxy'));
  return { url, config, log, pid: Number(child.pid), ended, operator, stop };
}

/** Waits until the gateway serves; false if it does not come to that. */
async function serves(url: string, ended: Promise<unknown>): Promise<boolean> {
  const giveUp = AbortSignal.any([aborted(ended), AbortSignal.timeout(START_TIMEOUT_MS)]);
  while (!giveUp.aborted) {
    const answer = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (answer?.ok === true) return true;
    await sleep(50);
  }
  return false;
}

/** A signal that aborts when a promise is settled. */
function aborted(when: Promise<unknown>): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort();
  when.then(abort, abort);
  return controller.signal;
}

async function connectOperator(stateDir: string): Promise<KmsClient> {
  const token = (await readFile(path.join(stateDir, 'operator.token'), 'utf8')).trim();
  return new KmsClient({
    connect: () => connectToUnixSocket(path.join(stateDir, 'kms.sock')),
    role: 'operator',
    token: { reveal: () => token },
  });
}
