import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  startProduct,
  type LaunchOptions,
  type LogLine,
  type Settings,
} from '@openrouter-proxy/end-to-end';
import { onTestFinished } from 'vitest';

/** Tests of one worker also hold for several. */
const WORKERS = Number(process.env['TEST_WORKERS'] ?? 1);
/** Tests of the embedded state also hold for state in this Redis. */
const REDIS_URL = process.env['TEST_REDIS_URL'];

/** A value shaped like an OpenRouter key, new at each call. */
export function newKey(): string {
  return `sk-or-v1-${randomBytes(32).toString('hex')}`;
}

/** The whole product, started as a user starts it. */
export interface System {
  /** The gateway's URL, without a path. */
  url: string;
  accessKey: string;
  /** Holds everything that the product writes. */
  stateDir: string;
  socket: string;
  /** Its `config.yml`. */
  config: string;
  /** Content of `config.yml` at the start. */
  settings: Settings;
  launcher: number;
  /** Everything printed so far. */
  output(): string;
  lines(): LogLine[];
  /** Resolves with the first line, past or future, that fits. */
  line(fits: (line: LogLine) => boolean): Promise<LogLine>;
  /** Replaces the content of `config.yml`. */
  configure(settings: Settings): Promise<void>;
  /** Resolves with the launcher's exit code. */
  ended: Promise<number | undefined>;
  /** Asks it to stop, and waits until it has. */
  stop(): Promise<number | undefined>;
}

/** A new folder. */
export const newFolder = () => mkdtemp(path.join(tmpdir(), 'orp-'));

/** A folder of the test's own, removed when the test is over. */
export async function temporaryFolder(): Promise<string> {
  const folder = await newFolder();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** How the product is started. */
export type StartOptions = Pick<LaunchOptions, 'environment' | 'isNamed' | 'within'> & {
  settings: Settings;
  folder?: string;
};

/** Starts the product on a free port; resolves when it is ready. The caller stops it. */
export async function launchSystem(options: StartOptions & { folder: string }): Promise<System> {
  const accessKey = `access-${randomBytes(16).toString('hex')}`;
  const server = {
    ...{ port: 0, access_key: accessKey, log_format: 'json', log_level: 'DEBUG' },
    workers: WORKERS,
  };
  const prefix = randomBytes(8).toString('hex');
  const state =
    REDIS_URL === undefined
      ? {}
      : { state: { backend: 'redis', redis: { url: REDIS_URL, prefix } } };
  const settings = {
    ...state,
    ...options.settings,
    server: { ...server, ...(options.settings['server'] as object | undefined) },
  };
  const product = await startProduct({ ...options, settings });
  const { url, socket, stateDir, config, pid, stdout, stderr, configure, ended, stop } = product;
  return {
    ...{ url, accessKey, stateDir, socket, config, settings, configure, ended, stop },
    launcher: pid,
    output: () => stdout.text + stderr.text,
    lines: () => stdout.lines,
    line: (fits) => stdout.line(fits),
  };
}

/** Starts the product on a free port; it is stopped when the test is over. */
export async function startSystem(options: StartOptions): Promise<System> {
  const folder = options.folder ?? (await temporaryFolder());
  const system = await launchSystem({ ...options, folder });
  onTestFinished(async () => {
    await system.stop();
  });
  return system;
}
