import { printJson, type Command } from './command.ts';
import type { Ending } from '../connection/failure.ts';
import { withKms } from '../connection/connection.ts';
import { span } from '../terminal/instant.ts';
import { count } from '../terminal/number.ts';
import { table, type Column } from '../terminal/table.ts';

const COLUMNS: readonly Column[] = [
  { title: 'FOR', align: 'right' },
  { title: 'KEY', shrinksTo: 8 },
  { title: 'CLIENT', shrinksTo: 6 },
  { title: 'API' },
  { title: 'MODEL', shrinksTo: 12 },
  { title: 'REQUEST', shrinksTo: 18 },
];

export const leases: Command = {
  name: 'leases',
  summary: 'The keys that are lent at the moment, and to which requests',
  examples: [['kms leases', 'what is under way, the oldest first']],
  json: 'the result of `leases.list`',
  run: async (context) =>
    withKms(context.where, context.io, async (kms): Promise<Ending> => {
      const { io, paint } = context;
      const found = await kms.call('leases.list', {});
      if (context.json) {
        printJson(context, found);
        return 'done';
      }
      const now = io.now();
      const rows = found.leases.map((lease) => [
        span(now - lease.since),
        lease.keyName,
        lease.client ?? '–',
        lease.api,
        lease.model ?? '–',
        lease.requestId,
      ]);
      const more = found.total - found.leases.length;
      if (rows.length === 0) io.out('No request is under way.\n');
      else io.out(table(COLUMNS, rows, { width: io.columns, paint }));
      if (more > 0) io.out(`… and ${count(more)} more\n`);
      return 'done';
    }),
};
