import { printJson, type Command } from '../command.ts';
import { withKms } from '../connection.ts';
import { Failure, type Ending } from '../failure.ts';
import { plain } from '../terminal/plain.ts';
import { wrap } from '../terminal/table.ts';

export const explain: Command = {
  name: 'explain',
  summary: 'What became of a request, and why: each attempt with what followed',
  argument: {
    name: 'request-id',
    description: 'the X-Request-ID of its answer, also in the log',
    kind: 'text',
  },
  examples: [['kms explain 0249721c-176f-4284-848a-00d80a852900', 'the story of one request']],
  json: 'the result of `requests.explain`',
  run: async (context, requestId) => {
    const { io, paint } = context;
    if (requestId.length > 128)
      throw new Failure('usage', 'A request id has at most 128 characters.');
    return withKms(context.where, io, async (kms): Promise<Ending> => {
      const found = await kms.call('requests.explain', { requestId });
      if (context.json) printJson(context, found);
      if (found.story.length === 0) {
        const message =
          'This request is not remembered: it may be too old, or never have come here.';
        throw new Failure('refused', message);
      }
      if (context.json) return 'done';
      const [head = '', ...steps] = found.story.map((line) =>
        wrap(plain(line), Math.max(20, io.columns - 3)).join('\n   '),
      );
      io.out(`${paint('strong', head)}\n${steps.map((line) => `${line}\n`).join('')}`);
      return 'done';
    });
  },
};
