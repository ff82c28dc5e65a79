import { printJson, type Command } from './command.ts';
import { withKms } from '../connection/connection.ts';
import { Failure, type Ending } from '../connection/failure.ts';
import { findKey } from '../arguments/find-key.ts';
import { until } from '../terminal/instant.ts';
import { plain } from '@openrouter-proxy/runtime';
import { KEY_ARGUMENT } from './key.ts';

export const whyNot: Command = {
  name: 'why-not',
  summary: 'Whether a key could serve now, and everything that speaks against it',
  argument: KEY_ARGUMENT,
  options: [{ flags: '--model <id>', description: 'for this model; any paid one if left out' }],
  examples: [
    ['kms why-not team-b', 'for paid models'],
    ['kms why-not team-b --model deepseek/deepseek-r1:free', 'for one model'],
  ],
  json: 'the result of `keys.whyNot`',
  run: async (context, meant, { model }) => {
    const { io, paint } = context;
    const asked = typeof model === 'string' ? model : null;
    if (asked !== null && asked.length > 256)
      throw new Failure('usage', 'A model id has at most 256 characters.');
    return withKms(context.where, io, async (kms): Promise<Ending> => {
      const view = await findKey(kms, meant);
      const found = await kms.call('keys.whyNot', { keyId: view.keyId, model: asked });
      if (context.json) {
        printJson(context, found);
        return 'done';
      }
      const what = asked === null ? 'paid models' : plain(asked);
      const verdict = found.canServe ? paint('good', 'can serve') : paint('bad', 'cannot serve');
      const now = io.now();
      const reasons = found.reasons.map(({ what: reason, until: ends }) =>
        plain(`  ${reason}${ends === null ? '' : `, ${until(ends, now)}`}`),
      );
      io.out([`${plain(view.name)} ${verdict} ${what} now`, ...reasons, ''].join('\n'));
      return 'done';
    });
  },
};
