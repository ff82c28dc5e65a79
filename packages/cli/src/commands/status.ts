import {
  faultInShort,
  healthStatements,
  type Health,
  type LimitView,
  type Result,
} from '@openrouter-proxy/kms-protocol';
import { storeInWords } from '@openrouter-proxy/kms-protocol/words';
import { printJson, type Command, type Context } from './command.ts';
import type { Ending } from '../connection/failure.ts';
import { withKms } from '../connection/connection.ts';
import { limitInWords } from '../words/key-words.ts';
import { clockTime, span, when } from '../terminal/instant.ts';
import { count } from '../terminal/number.ts';
import { plain } from '@openrouter-proxy/runtime';
import type { Cell } from '../terminal/table.ts';

type Status = Result<'service.status'>;

export const status: Command = {
  name: 'status',
  summary: 'How the pool stands, in figures',
  examples: [['kms status', 'whether requests can be served, and what stands in the way']],
  json: 'the result of `service.status`',
  run: async (context) =>
    withKms(context.where, context.io, async (kms): Promise<Ending> => {
      const found = await kms.call('service.status', {});
      if (context.json) printJson(context, found);
      else context.io.out(statusText(found, kms.socket, context));
      return 'done';
    }),
};

/** The pool's health in one word, then each cause with its remedy. */
function healthLines({ health }: Status, { io, paint }: Context): [string, string][] {
  const word: Readonly<Record<Health['level'], Cell>> = {
    ok: { text: 'serving', tone: 'good' },
    warning: { text: 'serving, with warnings', tone: 'warn' },
    critical: { text: 'degraded', tone: 'bad' },
  };
  const { text, tone } = word[health.level];
  const statements = healthStatements(health.causes, io.now(), clockTime);
  return [
    ['pool', paint(tone, text)],
    ...statements.flatMap(({ severity, sentence, action }): [string, string][] => [
      [
        severity === 'critical' ? 'problem' : 'warning',
        paint(severity === 'critical' ? 'bad' : 'warn', plain(sentence)),
      ],
      ['', plain(action)],
    ]),
  ];
}

/** The status as lines of name and value. */
function statusText(found: Status, socket: string, context: Context): string {
  const { io, paint } = context;
  const now = io.now();
  const { keys, sharedAccounts, limits, process: use } = found;
  const lines: [string, string][] = [
    ...healthLines(found, context),
    [
      'keys',
      `${count(keys.available)} available${faultNote(found.health)}, ${count(keys.cooling)} cooling, ${count(keys.refused)} refused, ${count(keys.disabled)} disabled`,
    ],
    [
      'requests',
      `${count(found.leasesInFlight)} under way, ${count(found.waiting)} waiting for a key`,
    ],
    ...limits.map((limit): [string, string] => ['limit', limitText(limit, now)]),
    ...sharedAccounts.map(({ account, keys: names }): [string, string] => [
      'account',
      plain(`${account} is shared by ${names.join(', ')}`),
    ]),
    ['upstream', askedText(found.health, now)],
    ['store', storeText(found.store)],
    ...found.store.machines.map((machine): [string, string] => [
      'machine',
      plain(
        `${machine.name}, ${machine.self ? 'this one' : `seen ${when(machine.lastSeenAt, now)}`}`,
      ),
    ]),
    [
      'service',
      `version ${found.version}, up ${span(now - found.startedAt)} (since ${clockTime(found.startedAt, now)}), ${count(Math.round(use.residentBytes / 2 ** 20))} MiB`,
    ],
    ['socket', plain(socket)],
  ];
  return lines.map(([name, value]) => `${paint('quiet', name.padEnd(8))}  ${value}\n`).join('');
}

/** Available keys cannot serve while OpenRouter is unreachable. */
function faultNote({ causes }: Health): string {
  const fault = faultInShort(causes);
  return fault === null ? '' : ` (${fault})`;
}

const askedText = ({ lastAnswerAt }: Health, now: number) =>
  lastAnswerAt === null
    ? 'OpenRouter has not answered yet'
    : `OpenRouter answered last ${when(lastAnswerAt, now)}`;

const storeText = ({ backend, trouble }: Status['store']) =>
  plain(`${storeInWords(backend)}, ${trouble ?? 'healthy'}`);

const limitText = (limit: LimitView, now: number) => plain(limitInWords(limit, now));
