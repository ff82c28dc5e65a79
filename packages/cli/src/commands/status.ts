import type { LimitView, Result } from '@openrouter-proxy/kms-protocol';
import { storeInWords } from '@openrouter-proxy/kms-protocol/words';
import { printJson, type Command, type Context } from '../command.ts';
import type { Ending } from '../failure.ts';
import { withKms } from '../connection.ts';
import { causeInWords, limitInWords } from '../key-words.ts';
import { clockTime, span, until, when } from '../terminal/instant.ts';
import { count } from '../terminal/number.ts';
import { plain } from '../terminal/plain.ts';
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

function health({ keys, limits, nextAvailableAt, store }: Status, now: number): Cell {
  if (!store.healthy) {
    return {
      text: `the state store is in trouble: ${store.trouble ?? 'it cannot be written'}`,
      tone: 'bad',
    };
  }
  const blocked = limits.find(({ scope }) => scope === 'upstream');
  if (blocked !== undefined) {
    const why = causeInWords(blocked.cause);
    return {
      text: plain(`OpenRouter is left alone ${until(blocked.until, now)}: ${why}`),
      tone: 'bad',
    };
  }
  if (keys.available > 0) return { text: 'serving', tone: 'good' };
  if (keys.cooling + keys.disabled === 0) return { text: 'no key is configured', tone: 'bad' };
  const next =
    nextAvailableAt === null
      ? 'all are disabled'
      : `the next returns ${when(nextAvailableAt, now)}`;
  return { text: `no key can serve: ${next}`, tone: 'bad' };
}

/** The status as lines of a name and a value. */
function statusText(found: Status, socket: string, { io, paint }: Context): string {
  const now = io.now();
  const { keys, sharedAccounts, limits, process: use } = found;
  const { text, tone } = health(found, now);
  const lines: [string, string][] = [
    ['pool', paint(tone, text)],
    [
      'keys',
      `${count(keys.available)} available, ${count(keys.cooling)} cooling, ${count(keys.disabled)} disabled`,
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

const storeText = ({ backend, trouble }: Status['store']) =>
  plain(`${storeInWords(backend)}, ${trouble ?? 'healthy'}`);

const limitText = (limit: LimitView, now: number) => plain(limitInWords(limit, now));
