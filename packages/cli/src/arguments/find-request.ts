import { MAX_RECENT } from '@openrouter-proxy/kms-protocol';
import type { Kms } from '../connection/connection.ts';
import { Failure } from '../connection/failure.ts';
import { plain } from '@openrouter-proxy/runtime';
import { quoted } from '../terminal/quoted.ts';

const SHORTEST_PREFIX = 6;

/** Finds a recent request by its generation id or a prefix of its id; null if there is none. */
export async function findRecentRequest(kms: Kms, meant: string): Promise<string | null> {
  if (meant.length < SHORTEST_PREFIX) return null;
  const { requests } = await kms.call('requests.recent', { id: meant, limit: MAX_RECENT });
  const ids = [...new Set(requests.map(({ requestId }) => requestId))];
  if (ids.length > 1) {
    const first = ids.slice(0, 3).map(plain).join(', ');
    const more = ids.length > 3 ? ` and ${ids.length - 3} more` : '';
    throw new Failure(
      'refused',
      `Several recent requests begin with ${quoted(meant)}: ${first}${more}.`,
    );
  }
  return ids[0] ?? null;
}
