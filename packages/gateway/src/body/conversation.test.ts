import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { BodyMembers } from './body-members.ts';
import { conversationInBody, conversationInHeader, conversationReaders } from './conversation.ts';

function conversationOf(headers: IncomingHttpHeaders, body: string): string | null {
  const members = new BodyMembers(conversationReaders());
  members.push(Buffer.from(body));
  return conversationInHeader(headers) ?? conversationInBody((name) => members.get(name));
}
const named = (request: object, headers = {}) => conversationOf(headers, JSON.stringify(request));
const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });

describe('a conversation', () => {
  it('keeps its name as it grows', () => {
    const opening = [{ role: 'system', content: 'You help.' }, user('Hello')];
    const first = named({ messages: opening });
    expect(first).toMatch(/^[\w-]{22}$/);
    expect(named({ messages: [...opening, assistant('Hi'), user('More')] })).toBe(first);
  });

  it.each([
    ['messages', { messages: [user('a')] }, { messages: [user('b')] }],
    ['input', { input: 'a' }, { input: 'b' }],
    ['prompt', { prompt: 'a' }, { prompt: 'b' }],
    ['system', { system: 'a', messages: [user('x')] }, { system: 'b', messages: [user('x')] }],
    ['session_id', { session_id: 'a', input: 'x' }, { session_id: 'b', input: 'x' }],
    ['prompt_cache_key', { prompt_cache_key: 'a' }, { prompt_cache_key: 'b' }],
  ])('is told from another by its %s', (_what, one, other) => {
    expect(named(one)).not.toBe(named(other));
    expect(named(one)).toBe(named(one));
  });

  it('is named by its session before anything else', () => {
    const headers = { 'x-session-id': 's' };
    expect(named({ input: 'a' }, headers)).toBe(named({ input: 'b' }, headers));
    expect(named({ session_id: 's', input: 'a' })).toBe(named({ session_id: 's', input: 'b' }));
  });

  it('has no name where nothing tells it apart', () => {
    expect(named({ model: 'm' })).toBeNull();
    expect(conversationOf({}, 'no JSON')).toBeNull();
  });
});
