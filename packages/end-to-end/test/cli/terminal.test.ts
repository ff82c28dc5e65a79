import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PROGRAMS } from '@openrouter-proxy/end-to-end';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { installCompletion } from './support/completion.ts';
import { kms, startProduct, type Product } from './support/product.ts';

const execute = promisify(execFile);
/** In colours: `ESC [ n m`. */
const COLOUR = /\u001b\[\d+m/;

let product: Product;

beforeAll(async () => {
  product = await startProduct(3);
  await product.ask('asked');
});

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
    `env -u NO_COLOR ${env} ${command}; echo "ended $?"; sleep 60`,
  );
  onTestFinished(async () => {
    await tmux('kill-server');
  });
  const screen = (...options: string[]) => tmux('capture-pane', '-p', ...options);
  return {
    screen,
    press: (key: string) => tmux('send-keys', key),
    /** Waits until the screen shows a text; resolves with the screen. */
    async shows(text: RegExp): Promise<string> {
      let seen = '';
      await expect.poll(async () => (seen = await screen()), { interval: 50 }).toMatch(text);
      return seen;
    },
  };
}

const program = (...args: string[]) => [process.execPath, PROGRAMS.cli, ...args].join(' ');

describe('in a terminal', () => {
  it('a watched key is seen to cool, and to return, in its place', async () => {
    const terminal = await openTerminal(program('keys', '--watch'));
    const before = await terminal.shows(/key-2 .*serving/);
    expect(before.match(/key-2/g)).toHaveLength(1);
    await kms(['cool', 'key-2', '--for', '1h', '--reason', 'a try'], { product });
    const cooling = await terminal.shows(/key-2 .*cooling/);
    expect(cooling).toMatch(/a try/);
    expect(cooling.match(/key-2/g)).toHaveLength(1);
    await kms(['uncool', 'key-2'], { product });
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

describe('completion', () => {
  it('works in fish', async () => {
    const { folder, env } = await installCompletion(product, 'fish');
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

  it('works in zsh', async () => {
    const { folder, env } = await installCompletion(product, 'zsh');
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
