import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { CLI, kms, startProduct, type Product } from './support/product.ts';

const execute = promisify(execFile);
const isMissing = (command: string) =>
  (process.env['MISSING_COMMANDS'] ?? '').split(',').includes(command);
/** In colours: `ESC [ n m`. */

const COLOUR = /\u001b\[\d+m/;

let product: Product;

beforeAll(async () => {
  product = await startProduct(3);
  await product.ask('asked');
}, 60_000);

afterAll(async () => {
  await product[Symbol.asyncDispose]();
});

/** A terminal of 80 columns in which a command runs. */
async function openTerminal(command: string) {
  const server = ['-L', `kms-cli-${process.pid}-${Math.random()}`];
  const tmux = async (...args: string[]) => (await execute('tmux', [...server, ...args])).stdout;
  const env = `OPENROUTER_PROXY_CONFIG=${product.config}`;
  await tmux(
    'new-session',
    '-d',
    '-x',
    '80',
    '-y',
    '24',
    `env ${env} ${command}; echo "ended $?"; sleep 60`,
  );
  onTestFinished(async () => {
    await tmux('kill-server');
  });
  const screen = (...options: string[]) => tmux('capture-pane', '-p', ...options);
  return {
    screen,
    press: (key: string) => tmux('send-keys', key),
    async shows(text: RegExp): Promise<string> {
      const giveUpAt = Date.now() + 10_000;
      for (;;) {
        const seen = await screen();
        if (text.test(seen)) return seen;
        if (Date.now() > giveUpAt) throw new Error(`it shows no ${String(text)}, but:\n${seen}`);
        await sleep(50);
      }
    },
  };
}

const program = (...args: string[]) => [process.execPath, CLI, ...args].join(' ');

describe.skipIf(isMissing('tmux'))('in a terminal', () => {
  it('a watched key is seen to cool, and to return, in its place', async () => {
    const terminal = await openTerminal(program('keys', '--watch'));
    const before = await terminal.shows(/key-2 .*serving/);
    expect(before.match(/key-2/g)).toHaveLength(1);
    await kms(['cool', 'key-2', '--for', '3s', '--reason', 'a try'], { product });
    const cooling = await terminal.shows(/key-2 .*cooling/);
    expect(cooling).toMatch(/a try/);
    expect(cooling.match(/key-2/g)).toHaveLength(1);
    const after = await terminal.shows(/key-2 .*serving/);
    expect(after.match(/^KEY/gm)).toHaveLength(1);
    await terminal.press('C-c');
    await terminal.shows(/ended 0/);
  });

  it('a table is no wider than the terminal', async () => {
    const reason = 'a reason that is much longer than what a line of a terminal has room for';
    await kms(['disable', 'key-3', '--reason', reason], { product });
    const terminal = await openTerminal(program('keys'));
    const lines = (await terminal.shows(/ended 0/)).split('\n');
    await kms(['enable', 'key-3'], { product });
    expect(lines.filter((line) => line.startsWith('key-'))).toHaveLength(3);
    expect(lines.join(' ').replaceAll(/\s+/g, ' ')).toContain('a reason that is much longer');
  });

  it('there are colours, unless they are not wanted', async () => {
    const coloured = await openTerminal(program('keys'));
    await coloured.shows(/ended 0/);
    expect(await coloured.screen('-e')).toMatch(COLOUR);
    const plain = await openTerminal(`env NO_COLOR=1 ${program('keys')}`);
    await plain.shows(/ended 0/);
    expect(await plain.screen('-e')).not.toMatch(COLOUR);
    const also = await openTerminal(program('keys', '--no-color'));
    await also.shows(/ended 0/);
    expect(await also.screen('-e')).not.toMatch(COLOUR);
  });
});

it('elsewhere than in a terminal there are no colours', () => {
  const { stdout } = spawnSync(process.execPath, [CLI, 'keys', '--config', product.config], {
    encoding: 'utf8',
  });
  expect(stdout).toContain('serving');
  expect(stdout).not.toMatch(COLOUR);
});

it('a watch that is no terminal’s prints a document for each change', async () => {
  const interrupt = new AbortController();
  const watching = kms(['keys', '--watch', '--json'], { product, interrupted: interrupt.signal });
  await sleep(300);
  await kms(['cool', 'key-1', '--for', '1m'], { product });
  await kms(['uncool', 'key-1'], { product });
  await sleep(300);
  interrupt.abort();
  const { code, out } = await watching;
  const documents = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { keys: { state: { kind: string } }[] });
  expect(code).toBe(0);
  expect(documents.length).toBeGreaterThanOrEqual(2);
  expect(documents.at(-1)?.keys[0]?.state.kind).toBe('available');
});

describe('completion', () => {
  const complete = async (...words: string[]) =>
    (await kms(['__complete', '--', ...words], { product })).out
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split('\t')[0]);

  it('offers commands, their parts, options and their values, keys and files', async () => {
    expect(await complete('c')).toEqual(['cool', 'config', 'completion']);
    expect(await complete('config', '')).toEqual(['check', 'show']);
    expect(await complete('usage', '--b')).toEqual(['--by']);
    expect(await complete('usage', '--by', '')).toEqual(['key', 'model', 'client', 'day']);
    expect(await complete('cool', 'key-')).toEqual(['key-1', 'key-2', 'key-3']);
    expect(await complete('import', '')).toEqual([':files']);
    expect(await complete('status', '--socket', '')).toEqual([':files']);
  });

  /** A folder with `kms` in it, as an installation has it, and a completion script. */
  async function installed(shell: string): Promise<{ folder: string; env: NodeJS.ProcessEnv }> {
    const folder = await mkdtemp(path.join(tmpdir(), 'kms-completion-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const wrapper = `#!/bin/sh\nexec ${process.execPath} ${CLI} "$@"\n`;
    await writeFile(path.join(folder, 'kms'), wrapper, { mode: 0o755 });
    await writeFile(path.join(folder, 'script'), (await kms(['completion', shell])).out);
    const env = {
      PATH: `${folder}:${process.env['PATH'] ?? ''}`,
      OPENROUTER_PROXY_CONFIG: product.config,
      HOME: folder,
    };
    return { folder, env };
  }

  it('works in bash', async () => {
    const { folder, env } = await installed('bash');
    const words = 'COMP_WORDS=(kms cool key-); COMP_CWORD=2; _kms; echo "${COMPREPLY[@]}"';
    const { stdout } = await execute('bash', ['-c', `. ${folder}/script; ${words}`], { env });
    expect(stdout.trim()).toBe('key-1 key-2 key-3');
  });

  it.skipIf(isMissing('fish'))('works in fish', async () => {
    const { folder, env } = await installed('fish');
    const { stdout } = await execute(
      'fish',
      ['-c', `source ${folder}/script; complete -C 'kms cool key-'`],
      { env },
    );
    expect(stdout.split('\n').map((line) => line.split('\t')[0])).toEqual([
      'key-1',
      'key-2',
      'key-3',
      '',
    ]);
  });

  it.skipIf(isMissing('zsh'))('works in zsh', async () => {
    const { folder, env } = await installed('zsh');
    // What zsh's own function would show is caught where it is given.
    const script = `autoload -U compinit; compinit -u -d ${folder}/dump; . ${folder}/script; _describe() { print -l -- \${(P)2} }; words=(kms cool key-); CURRENT=3; _kms`;
    const { stdout } = await execute('zsh', ['-fc', script], { env });
    expect(
      stdout
        .split('\n')
        .map((line) => line.split(':')[0])
        .filter(Boolean),
    ).toEqual(['key-1', 'key-2', 'key-3']);
  });
});
