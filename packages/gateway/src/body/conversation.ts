import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { DigestReader, OpeningReader, ScalarReader } from './member-readers.ts';
import type { MemberReader } from './member-reader.ts';

/** Members that name a conversation: OpenRouter's, OpenAI's. */
const NAMES = ['session_id', 'prompt_cache_key'] as const;
/** Members that a conversation begins with, and keeps beginning with as it grows; of the last three, the first that is there. */
const INSTRUCTIONS = ['system', 'instructions'] as const;
const TURNS = ['messages', 'input', 'prompt'] as const;

/** What reads the members of a request's body that tell its conversation from another. */
export function conversationReaders(): Record<string, MemberReader> {
  return Object.fromEntries([
    ...NAMES.map((name) => [name, new ScalarReader()]),
    ...INSTRUCTIONS.map((name) => [name, new DigestReader()]),
    ...TURNS.map((name) => [name, new OpeningReader()]),
  ]) as Record<string, MemberReader>;
}

/** The members of a body, as `conversationReaders` have read them; undefined: there is no such. */
export type ReadMember = (name: string) => unknown;

/** What a conversation begins with: the first words of its user, and what stands before them. */
function opening(member: ReadMember): unknown[] | undefined {
  const said = TURNS.map(member).find((value) => value != null);
  return said === undefined ? undefined : [...INSTRUCTIONS.map(member), said];
}

const fingerprint = (words: unknown) =>
  createHash('sha256').update(JSON.stringify(words)).digest('base64url').slice(0, 22);

/** The name of the conversation that a request's header names; null: it names none. */
export function conversationInHeader(headers: IncomingHttpHeaders): string | null {
  const session = headers['x-session-id'] ?? headers['x-claude-code-session-id'];
  return session === undefined ? null : fingerprint(session);
}

/**
 * A name for the conversation that a request's body belongs to, the same for each of its requests: by
 * the session it names, else by its opening. Null: it cannot be told. OpenRouter keeps prompt caches
 * by account (OpenRouter docs, "Prompt caching").
 */
export function conversationInBody(member: ReadMember): string | null {
  const name = NAMES.map(member).find((value) => typeof value === 'string');
  const words = name ?? opening(member);
  return words === undefined ? null : fingerprint(words);
}
