import type { KeyView } from '@openrouter-proxy/kms-protocol';
import { printJson, type Command, type Context } from './command.ts';
import type { Ending } from '../connection/failure.ts';
import { withKms } from '../connection/connection.ts';
import { allKeys } from '../arguments/find-key.ts';
import { standing, standingNote } from '../words/key-words.ts';
import { count, share } from '../terminal/number.ts';
import { table, type Column } from '../terminal/table.ts';
import { watch } from './watch.ts';

const COLUMNS: readonly Column[] = [
  { title: 'KEY', shrinksTo: 8 },
  { title: 'ID' },
  { title: 'STATE' },
  { title: 'FLIGHT', align: 'right' },
  { title: 'TODAY', align: 'right' },
  { title: 'OK', align: 'right' },
  { title: 'UNTIL, WHY', shrinksTo: 16 },
];

export const keys: Command = {
  name: 'keys',
  summary: 'Every key: its state, until when and why, and what it did today',
  options: [{ flags: '--watch', description: 'stay, and show every change until Ctrl-C' }],
  examples: [
    ['kms keys', 'all keys'],
    ['kms keys --watch', 'all keys, live'],
    [
      `kms keys --json | jq '.keys[] | select(.state.kind == "cooling") | .name'`,
      'names of keys that cool',
    ],
  ],
  json: 'the result of `keys.list`; with `--watch` one such document a line for every change',
  run: async (context, _argument, { watch: isWatched }) => {
    if (isWatched === true) return watch(context, keysText);
    return withKms(context.where, context.io, async (kms): Promise<Ending> => {
      const found = await allKeys(kms);
      if (context.json) printJson(context, { keys: found, total: found.length });
      else context.io.out(keysText(found, context));
      return 'done';
    });
  },
};

/** The keys as a table. */
function keysText(found: readonly KeyView[], { io, paint }: Context): string {
  if (found.length === 0) return 'No key is configured.\n';
  const now = io.now();
  const rows = found.map((key) => {
    const { today, inFlight, maxConcurrency } = key;
    const asked = today.answered + today.failed;
    return [
      { text: key.name, tone: 'strong' as const },
      { text: key.keyId, tone: 'quiet' as const },
      standing(key),
      maxConcurrency === null ? count(inFlight) : `${count(inFlight)}/${count(maxConcurrency)}`,
      count(asked),
      share(today.answered, asked),
      standingNote(key, now) + (key.unexplainedCost === null ? '' : ' (spent elsewhere too)'),
    ];
  });
  return table(COLUMNS, rows, { width: io.columns, paint });
}
