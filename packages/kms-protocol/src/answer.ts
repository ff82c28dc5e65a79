import type { Id, Incoming, Message, Notification, Request } from './json-rpc.ts';
import { KmsError } from './kms-error.ts';
import { fitsInLine } from './line-framing.ts';

/** Carries out a call and returns its result, or a promise of it. Fails with a KmsError. */
export type Call = (call: Request | Notification) => unknown;

/** The line that answers, or `undefined` where nothing may be said. */
export type Answer = string | undefined;

/** The line that says an error which answers nothing in particular. */
export function errorLine(error: KmsError): string {
  return failure(null, error).text;
}

interface Reply {
  id: Id;
  text: string;
}

/**
 * Carries out what a line asks for (JSON-RPC 2.0 specification, sections 4.1, 5 and 6). Answers at
 * once if every call does. Nothing it is given makes it throw or reject.
 */
export function answer(incoming: Incoming, call: Call): Answer | Promise<Answer> {
  if (incoming.kind !== 'batch') {
    const reply = answerMessage(incoming, call);
    return reply instanceof Promise ? reply.then((made) => made?.text) : reply?.text;
  }
  const replies = incoming.messages.map((message) => answerMessage(message, call));
  if (replies.every(isMade)) return joinReplies(replies);
  return Promise.all(replies.map((reply) => Promise.resolve(reply))).then(joinReplies);
}

function isMade<T>(reply: T | Promise<T>): reply is T {
  return !(reply instanceof Promise);
}

function joinReplies(all: (Reply | undefined)[]): Answer {
  const replies = all.filter((reply) => reply !== undefined);
  if (replies.length === 0) return undefined;
  const line = `[${replies.map(({ text }) => text).join(',')}]`;
  return fitsInLine(line) ? line : `[${replies.map(({ id }) => tooLong(id).text).join(',')}]`;
}

function answerMessage(
  message: Message,
  call: Call,
): Reply | undefined | Promise<Reply | undefined> {
  switch (message.kind) {
    case 'request':
      return answerRequest(message, call);
    case 'notification':
      return carryOut(message, call);
    case 'invalid':
      return failure(message.id, message.error);
    case 'result':
    case 'error':
      return failure(
        message.id,
        new KmsError('INVALID_REQUEST', 'Nothing was asked: send requests.'),
      );
  }
}

function answerRequest(request: Request, call: Call): Reply | Promise<Reply> {
  const { id } = request;
  try {
    const result = call(request);
    if (!(result instanceof Promise)) return success(id, result);
    return result.then((value) => success(id, value)).catch((error: unknown) => failure(id, error));
  } catch (error) {
    return failure(id, error);
  }
}

/** Does what a notification asks for; how it went is nobody's to hear (section 4.1). */
function carryOut(notification: Notification, call: Call): undefined | Promise<undefined> {
  const silence = () => undefined;
  try {
    const result = call(notification);
    return result instanceof Promise ? result.then(silence, silence) : undefined;
  } catch {
    return undefined;
  }
}

function success(id: Id, result: unknown): Reply {
  const text = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${JSON.stringify(result)}}`;
  return fitsInLine(text) ? { id, text } : tooLong(id);
}

function failure(id: Id, error: unknown): Reply {
  return {
    id,
    text: JSON.stringify({ jsonrpc: '2.0', id, error: KmsError.from(error).toJsonRpc() }),
  };
}

function tooLong(id: Id): Reply {
  return failure(
    id,
    new KmsError('INTERNAL_ERROR', 'The answer is longer than a line may be: ask for less.'),
  );
}
