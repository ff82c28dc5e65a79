import type { Result } from '@openrouter-proxy/kms-protocol';
import { printJson, type Command } from './command.ts';
import { withKms, type Kms } from '../connection/connection.ts';
import { Failure, type Ending } from '../connection/failure.ts';
import { findRecentRequest } from '../arguments/find-request.ts';
import { clockTime } from '../terminal/instant.ts';
import { plain } from '@openrouter-proxy/runtime';
import { wrap } from '../terminal/table.ts';

const NOT_REMEMBERED =
  'This request is not remembered: it may be too old, or never have come here; or it was refused before it needed a key (wrong access key, unknown path): look for its id in the log.';

/** The timeline of the request with this id, else of a recent request that matches. */
async function storyOf(kms: Kms, meant: string): Promise<Result<'requests.explain'>> {
  const found = await kms.call('requests.explain', { requestId: meant });
  if (found.request !== null) return found;
  const requestId = await findRecentRequest(kms, meant);
  return requestId === null ? found : kms.call('requests.explain', { requestId });
}

export const explain: Command = {
  name: 'explain',
  summary: 'What became of a request, and why: each attempt with what followed',
  argument: {
    name: 'request-id',
    description:
      'the X-Request-ID of its answer, also in the log; of a recent request also the first six letters of it or more, or the generation id (gen-…)',
    kind: 'text',
  },
  examples: [['kms explain 0249721c-176f-4284-848a-00d80a852900', 'the story of one request']],
  json: 'the result of `requests.explain`',
  run: async (context, requestId) => {
    const { io, paint } = context;
    if (requestId.length > 128)
      throw new Failure('usage', 'A request id has at most 128 characters.');
    return withKms(context.where, io, async (kms): Promise<Ending> => {
      const found = await storyOf(kms, requestId);
      if (context.json) printJson(context, found);
      if (found.story.length === 0) {
        throw new Failure('refused', NOT_REMEMBERED);
      }
      if (context.json) return 'done';
      const [head = '', ...steps] = found.story.map((line) =>
        wrap(plain(line), Math.max(20, io.columns - 3)).join('\n   '),
      );
      const time = found.request && clockTime(found.request.at, io.now());
      io.out(
        `${paint('strong', time === null ? head : `${time}  ${head}`)}\n${steps.map((line) => `${line}\n`).join('')}`,
      );
      return 'done';
    });
  },
};
