import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';

const LAUNCHER = path.resolve(import.meta.dirname, '../../../../../dist/launcher.js');
/** A log line that does not come within this time counts as missing. */
const LINE_WITHIN_MS = 2 * 60_000;
/** Whatever holds for one worker is to hold for several. */
const WORKERS = Number(process.env['TEST_WORKERS'] ?? 1);
/** And with the state in a Redis what holds for a file. */
const REDIS_URL = process.env['TEST_REDIS_URL'];

/** A value shaped like an OpenRouter key, new at each call. */
export function newKey(): string {
  return `sk-or-v1-${randomBytes(32).toString('hex')}`;
}

/** A line of the log. */
export interface LogLine {
  level: string;
  component: string;
  message: string;
  [field: string]: unknown;
}

/** The configuration file's content, as far as a test sets it. */
export type Settings = Record<string, Record<string, unknown> | string>;

/** The whole product, started as a user starts it. */
export interface System {
  /** The gateway's URL, without a path. */
  url: string;
  accessKey: string;
  /** Everything the system has written lies here. */
  stateDir: string;
  socket: string;
  launcher: number;
  /** Everything printed so far. */
  output(): string;
  lines(): LogLine[];
  /** Resolves with the first line, past or to come, that fits. */
  line(fits: (line: LogLine) => boolean): Promise<LogLine>;
  /** Resolves with the launcher's exit code, once it is gone. */
  ended: Promise<number | undefined>;
  /** Asks it to stop, and waits until it has. */
  stop(): Promise<number | undefined>;
}

/** A folder of the test's own, removed when the test is over. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'orp-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** How the product is started. */
export interface StartOptions {
  settings: Settings;
  /** All that it gets beside PATH. */
  environment?: Record<string, string>;
  folder?: string;
  /** The file is named on the command line; else it is found in the working directory. True if left out. */
  isNamed?: boolean;
  /** What stands before its command line: a program that runs another somewhere else. */
  within?: readonly string[];
}

/** Starts the launcher's program on a configuration. */
function launch(
  folder: string,
  settings: Settings,
  { environment = {}, isNamed = true, within = [] }: Omit<StartOptions, 'settings' | 'folder'>,
) {
  const config = path.join(folder, 'config.yml');
  writeFileSync(config, JSON.stringify(settings), { mode: 0o600 });
  const named = isNamed ? ['--config', config] : [];
  const [program = '', ...rest] = [...within, process.execPath, LAUNCHER, ...named];
  return execa(program, rest, {
    reject: false,
    all: true,
    buffer: false, // execa ends what prints more than it would keep
    extendEnv: false,
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    cwd: folder,
  });
}

/** What a log consists of, taken in line by line. */
class Log {
  readonly lines: LogLine[] = [];
  text = '';
  readonly #waiting = new Set<() => void>();

  take(text: string): void {
    this.text += `${text}\n`;
    if (!text.startsWith('{')) return;
    this.lines.push(JSON.parse(text) as LogLine);
    for (const look of this.#waiting) look();
  }

  async first(fits: (line: LogLine) => boolean): Promise<LogLine> {
    const found = Promise.withResolvers<LogLine>();
    const look = () => {
      const line = this.lines.find(fits);
      if (line !== undefined) found.resolve(line);
    };
    this.#waiting.add(look);
    look();
    const timer = setTimeout(
      () => found.reject(new Error(`no such line in the log:\n${this.text}`)),
      LINE_WITHIN_MS,
    );
    try {
      return await found.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(look);
    }
  }
}

/** Starts the product on a free port and resolves when it serves; it is stopped when the test is over. */
export async function startSystem(options: StartOptions): Promise<System> {
  const folder = options.folder ?? (await temporaryFolder());
  const accessKey = `access-${randomBytes(16).toString('hex')}`;
  const server = {
    ...{ port: 0, access_key: accessKey, log_format: 'json', log_level: 'DEBUG' },
    workers: WORKERS,
  };
  const prefix = randomBytes(8).toString('hex');
  const state = REDIS_URL && { state: { backend: 'redis', redis: { url: REDIS_URL, prefix } } };
  const settings: Settings = { ...state, ...options.settings };
  const child = launch(
    folder,
    { ...settings, server: { ...server, ...(settings['server'] as object | undefined) } },
    options,
  );
  const log = new Log();
  const reader = createInterface({ input: child.all });
  reader.on('line', (line) => log.take(line));
  const ended = child.then(({ exitCode }) => exitCode);
  const stop = async () => {
    child.kill('SIGTERM');
    return ended;
  };
  onTestFinished(async () => {
    await stop();
  });
  const tooSoon = once(reader, 'close').then(() => {
    throw new Error(`the system ended before it served:\n${log.text}`);
  });
  const ready = await Promise.race([log.first(({ message }) => message === 'ready'), tooSoon]);
  tooSoon.catch(() => undefined); // it ends some time: that is the test's business
  return {
    url: String(ready['clients']).replace(/\/api\/v1$/, ''),
    accessKey,
    stateDir: path.join(folder, '.openrouter-proxy'),
    socket: String(ready['kmsSocket']),
    launcher: child.pid ?? 0,
    output: () => log.text,
    lines: () => log.lines,
    line: (fits) => log.first(fits),
    ended,
    stop,
  };
}
