import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

type Json = Readonly<Record<string, unknown>>;

/** Members that name a conversation: OpenRouter's, OpenAI's. */
const NAMES = ['session_id', 'prompt_cache_key'] as const;

function parseObject(body: string): Json {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {}; // no JSON: it belongs to no conversation
  }
}

/** What a conversation begins with, and keeps beginning with as it grows: the first words of its user. */
function opening({ system, instructions, messages, input, prompt }: Json): unknown[] | undefined {
  const said = messages ?? input ?? prompt;
  if (said === undefined) return undefined;
  if (!Array.isArray(said)) return [system, instructions, said];
  const turns: unknown[] = said;
  const isUsers = (turn: unknown) =>
    typeof turn === 'object' && turn !== null && 'role' in turn && turn.role === 'user';
  const firstOfUser = turns.findIndex(isUsers);
  return [system, instructions, ...turns.slice(0, firstOfUser === -1 ? 1 : firstOfUser + 1)];
}

const fingerprint = (words: unknown) =>
  createHash('sha256').update(JSON.stringify(words)).digest('base64url').slice(0, 22);

/**
 * A name for the conversation a request belongs to, the same for each of its requests: by the session
 * it names, else by its opening. Null: it cannot be told. OpenRouter keeps prompt caches by account
 * (OpenRouter docs, "Prompt caching").
 */
export function conversationOf(headers: IncomingHttpHeaders, body: string | null): string | null {
  const session = headers['x-session-id'] ?? headers['x-claude-code-session-id'];
  if (session !== undefined) return fingerprint(session);
  if (body === null) return null;
  const request = parseObject(body);
  const name = NAMES.map((member) => request[member]).find((value) => typeof value === 'string');
  const words = name ?? opening(request);
  return words === undefined ? null : fingerprint(words);
}
