import { setTimeout as delay } from 'node:timers/promises';
import type { KeyView } from '@openrouter-proxy/kms-protocol';
import type { Context } from './command.ts';
import { withKms, type Kms } from '../connection/connection.ts';
import { Failure, type Ending } from '../connection/failure.ts';
import { allKeys } from '../arguments/find-key.ts';
import { clockTime } from '../terminal/instant.ts';

/** Interval of countdown updates. */
const TICK_MS = 1_000;

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const upBy = (lines: number) => (lines === 0 ? '' : `\u001b[${lines}A`);
const CLEAR_BELOW = '\r\u001b[J';

type Draw = (keys: readonly KeyView[], context: Context) => string;

/** Replaces the previous output on a terminal; appends elsewhere. */
class Screen {
  readonly #context: Context;
  #lines = 0;
  #last = '';

  constructor(context: Context) {
    this.#context = context;
    if (context.io.isTerminal) context.io.out(HIDE_CURSOR);
  }

  show(text: string): void {
    const { io } = this.#context;
    if (!io.isTerminal) {
      if (text !== this.#last) io.out(text);
      this.#last = text;
      return;
    }
    // Lines that scrolled off the screen cannot be replaced.
    const lines = text.split('\n').slice(0, Math.max(1, io.rows - 2));
    io.out(`${upBy(this.#lines)}${CLEAR_BELOW}${lines.join('\n')}`);
    this.#lines = lines.length - 1;
  }

  end(): void {
    if (this.#context.io.isTerminal) this.#context.io.out(`\n${SHOW_CURSOR}`);
  }
}

/** Shows the keys until Ctrl-C, and reconnects when the service restarts. */
export async function watch(context: Context, draw: Draw): Promise<Ending> {
  const { io, where } = context;
  const isOver = () => io.interrupted.aborted;
  const screen = new Screen(context);
  const service = { wasSeen: false };
  try {
    while (!isOver()) {
      try {
        await withKms(where, io, async (kms) => {
          service.wasSeen = true;
          await follow(kms, context, screen, draw);
        });
      } catch (error) {
        if (isOver()) break;
        const isGone = error instanceof Failure && error.ending === 'unreachable';
        if (!isGone || !service.wasSeen) throw error;
        if (!context.json)
          screen.show(
            `The key service does not answer, trying again. ${clockTime(io.now(), io.now())}\n`,
          );
        await delay(TICK_MS, undefined, { signal: io.interrupted }).catch(() => undefined); // Ctrl-C ends the loop
      }
    }
    return 'done';
  } finally {
    screen.end();
  }
}

async function follow(kms: Kms, context: Context, screen: Screen, draw: Draw): Promise<void> {
  const { io, json } = context;
  let { last } = await kms.call('events.subscribe', { after: null, waitMs: 0 });
  while (!io.interrupted.aborted) {
    const keys = await allKeys(kms);
    screen.show(
      json
        ? `${JSON.stringify({ keys, total: keys.length })}\n`
        : `${draw(keys, context)}${clockTime(io.now(), io.now())}  Ctrl-C ends\n`,
    );
    const waitMs = io.isTerminal && !json ? TICK_MS : 60_000;
    const changed = await kms.wait('events.subscribe', { after: last, waitMs }, waitMs);
    ({ last } = changed);
  }
}
