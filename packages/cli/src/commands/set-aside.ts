import type { KeyView } from '@openrouter-proxy/kms-protocol';
import { printJson, type Command, type Context } from './command.ts';
import { withKms, type Kms } from '../connection/connection.ts';
import { findKey } from '../arguments/find-key.ts';
import { standing, standingNote } from '../words/key-words.ts';
import { plain } from '@openrouter-proxy/runtime';
import { readTime } from '../arguments/time-argument.ts';
import { KEY_ARGUMENT } from './key.ts';

const REASON = {
  flags: '--reason <text>',
  description: 'why, for whoever looks at the key later',
} as const;

/** Runs a command on a key, then shows the key. */
async function change(
  context: Context,
  meant: string,
  act: (kms: Kms, keyId: string) => Promise<KeyView>,
) {
  return withKms(context.where, context.io, async (kms) => {
    const view = await act(kms, (await findKey(kms, meant)).keyId);
    if (context.json) printJson(context, view);
    else context.io.out(changeText(view, context));
    return 'done' as const;
  });
}

function changeText(view: KeyView, { io, paint }: Context): string {
  const { text, tone } = standing(view);
  const note = plain(standingNote(view, io.now()));
  return `${plain(view.name)} is ${paint(tone, text)}${note === '' ? '' : `, ${note}`}\n`;
}

const reasonOf = (reason: string | boolean | undefined) =>
  typeof reason === 'string' && reason.trim() !== '' ? reason.slice(0, 300) : 'no reason was given';

export const cool: Command = {
  name: 'cool',
  summary: 'Set a key aside for a time',
  argument: KEY_ARGUMENT,
  options: [
    {
      flags: '--for <time>',
      description: 'how long: 90s, 10m, 4h, 2d, or seconds',
      required: true,
    },
    REASON,
  ],
  examples: [
    ['kms cool team-b --for 10m --reason "moving it"', 'no new request gets it for ten minutes'],
  ],
  json: 'the result of `keys.cool`',
  run: async (context, meant, { for: time, reason }) => {
    const forMs = await readTime('--for', time);
    return change(context, meant, (kms, keyId) =>
      kms.call('keys.cool', { keyId, forMs, reason: reasonOf(reason) }),
    );
  },
};

export const uncool: Command = {
  name: 'uncool',
  summary: 'Let a key that cools serve again now',
  argument: KEY_ARGUMENT,
  examples: [['kms uncool team-b', 'its cooldown is over']],
  json: 'the result of `keys.uncool`',
  run: (context, meant) =>
    change(context, meant, (kms, keyId) => kms.call('keys.uncool', { keyId })),
};

export const disable: Command = {
  name: 'disable',
  summary: 'Take a key out of use until it is enabled again',
  argument: KEY_ARGUMENT,
  options: [REASON],
  examples: [['kms disable team-b --reason leaked', 'requests under way finish, no other gets it']],
  json: 'the result of `keys.disable`',
  run: (context, meant, { reason }) =>
    change(context, meant, (kms, keyId) =>
      kms.call('keys.disable', { keyId, reason: reasonOf(reason) }),
    ),
};

export const enable: Command = {
  name: 'enable',
  summary: 'Put a disabled key back into use',
  argument: KEY_ARGUMENT,
  examples: [['kms enable team-b', 'it serves again']],
  json: 'the result of `keys.enable`',
  run: (context, meant) =>
    change(context, meant, (kms, keyId) => kms.call('keys.enable', { keyId })),
};
