import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { DigestReader, OpeningReader, ScalarReader } from './member-readers.ts';
import type { MemberReader } from './member-reader.ts';

/** Members that name a conversation: OpenRouter's, OpenAI's. */
const NAMES = ['session_id', 'prompt_cache_key'] as const;
/** Members with the beginning of a conversation, which stays the same as it grows. Of the last three, the first one present counts. */
const INSTRUCTIONS = ['system', 'instructions'] as const;
const TURNS = ['messages', 'input', 'prompt'] as const;

/** Readers of the members that tell one conversation from another. */
export function conversationReaders(): Record<string, MemberReader> {
  return Object.fromEntries([
    ...NAMES.map((name) => [name, new ScalarReader()]),
    ...INSTRUCTIONS.map((name) => [name, new DigestReader()]),
    ...TURNS.map((name) => [name, new OpeningReader()]),
  ]) as Record<string, MemberReader>;
}

/** Gives a member of a body as its reader has read it; undefined: there is none. */
export type ReadMember = (name: string) => unknown;

/** The opening of a conversation: the first words of its user, and everything before them. */
function opening(member: ReadMember): unknown[] | undefined {
  const said = TURNS.map(member).find((value) => value != null);
  return said === undefined ? undefined : [...INSTRUCTIONS.map(member), said];
}

const fingerprint = (words: unknown) =>
  createHash('sha256').update(JSON.stringify(words)).digest('base64url').slice(0, 22);

/** The conversation that a request's header names; null: none. */
export function conversationInHeader(headers: IncomingHttpHeaders): string | null {
  const session = headers['x-session-id'] ?? headers['x-claude-code-session-id'];
  return session === undefined ? null : fingerprint(session);
}

/**
 * A name for the conversation of a request, the same for all of its requests: from
 * the session that the body names, else from its opening. Null: unknown. OpenRouter keeps prompt caches
 * by account (OpenRouter docs, "Prompt caching").
 */
export function conversationInBody(member: ReadMember): string | null {
  const name = NAMES.map(member).find((value) => typeof value === 'string');
  const words = name ?? opening(member);
  return words === undefined ? null : fingerprint(words);
}
