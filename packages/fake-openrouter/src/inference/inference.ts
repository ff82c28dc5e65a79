import { setTimeout as sleep } from 'node:timers/promises';
import { countFreeRequest } from '../accounts/account.ts';
import { inAnthropicShape } from '../errors/anthropic-error.ts';
import { chatAnswer, chatUsage, textCompletionAnswer } from './chat.ts';
import { sendFaultyDocument } from '../faults/document-faults.ts';
import { complete, type Completion } from '../models/completion.ts';
import type { ErrorAnswer, ErrorContext } from '../errors/error-answer.ts';
import { ERROR_FAMILIES, freeLimitReached } from '../errors/error-families.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Fault } from '../faults/fault-rules.ts';
import { charge, limitRemaining, type Key } from '../accounts/key.ts';
import { messagesAnswer } from './messages.ts';
import { findModel, isFree } from '../models/model-catalog.ts';
import { readPrompt } from '../models/prompt.ts';
import { responsesAnswer } from './responses.ts';
import { failAfterWork } from './after-work.ts';
import type { ApiAnswer } from './sse.ts';
import { breakOff, sendStream } from './stream-sender.ts';

const ANSWERS: Readonly<Record<string, (completion: Completion) => ApiAnswer>> = {
  '/chat/completions': chatAnswer,
  '/completions': textCompletionAnswer,
  '/messages': messagesAnswer,
  '/responses': responsesAnswer,
};

/** Whether a path is one of the inference APIs. */
export function isInference(path: string): boolean {
  return path in ANSWERS || path === '/embeddings';
}

/** What is wrong with the request itself. */
function invalidRequest({ json, path }: Exchange, context: ErrorContext): ErrorAnswer | undefined {
  const hasInput = ['messages', 'prompt', 'input'].some((name) => json[name] !== undefined);
  if (!hasInput) return ERROR_FAMILIES.bad_request();
  if (findModel(context.model) === undefined) return ERROR_FAMILIES.invalid_model(context);
  const wantsState = json['store'] === true || (json['previous_response_id'] ?? null) !== null;
  return path === '/responses' && wantsState ? ERROR_FAMILIES.bad_request() : undefined;
}

/** Whether a request asks for what costs something on free models too. */
const asksPaidExtra = ({ json }: Exchange) =>
  [json['plugins'], json['web_search_options']].some((extra) => extra !== undefined);

/** What the key's cap, the account's money and its free limits refuse. */
export function limitReached(
  key: Key,
  context: ErrorContext,
  hasPaidExtra: boolean,
): ErrorAnswer | undefined {
  const { account } = key;
  const { model, now } = context;
  if (account.credits < 0) return ERROR_FAMILIES.insufficient_credits(context);
  if (isFree(model)) {
    const limit = countFreeRequest(account, now);
    if (limit !== undefined) return freeLimitReached(limit, account.userId);
    return hasPaidExtra && account.credits <= 0
      ? ERROR_FAMILIES.insufficient_credits(context)
      : undefined;
  }
  if (limitRemaining(key, now) === 0) return ERROR_FAMILIES.key_limit(context);
  return account.credits === 0 ? ERROR_FAMILIES.insufficient_credits(context) : undefined;
}

function faultyJson(json: object, fault: Fault | undefined): object {
  const error = { code: 502, message: 'Provider disconnected mid-stream', metadata: {} };
  if (fault?.kind === 'error-in-200' && fault.where === 'body') return { error };
  const choices = 'choices' in json ? (json.choices as object[]) : [];
  if (fault?.kind === 'error-in-200') {
    return { ...json, choices: choices.map((c) => ({ ...c, finish_reason: 'error', error })) };
  }
  if (fault?.kind !== 'empty') return json;
  const message = { role: 'assistant', content: '', refusal: null };
  return { ...json, choices: choices.map((c) => ({ ...c, message })) };
}

/** Waits before the head; with comments the head goes out first, as OpenRouter does while it waits. */
async function delay(exchange: Exchange, fault: Fault, api: ApiAnswer, id: string): Promise<void> {
  if (fault.kind !== 'delay') return;
  await sleep(fault.headersMs ?? 0);
  if (fault.comments === undefined) return;
  writeStreamHead(exchange, id, fault);
  for (let i = 0; i < fault.comments && !exchange.response.destroyed; i += 1) {
    exchange.response.write(api.keepAlive.text);
    exchange.record.events += 1;
    await sleep(fault.commentMs ?? 0);
  }
}

function writeStreamHead(exchange: Exchange, id: string, fault: Fault | undefined): void {
  if (exchange.response.headersSent) return;
  const coding = fault?.kind === 'framing' ? fault.coding : undefined;
  exchange.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache',
    'X-Generation-Id': id,
    ...(coding === undefined ? {} : { 'Content-Encoding': coding }),
  });
  exchange.response.flushHeaders();
}

async function sendAnswer(
  exchange: Exchange,
  api: ApiAnswer,
  id: string,
  fault: Fault | undefined,
): Promise<void> {
  if (await failAfterWork(exchange, fault)) return;
  if (fault !== undefined) await delay(exchange, fault, api, id);
  if (exchange.response.destroyed) return;
  if (exchange.json['stream'] !== true) {
    await sendDocument(exchange, api.json, id, fault);
    return;
  }
  writeStreamHead(exchange, id, fault);
  if (breaks(fault) && fault.when === 'after-headers') await breakOff(exchange, fault.kind);
  else await sendStream(exchange, api, fault);
}

type Break = Extract<Fault, { kind: 'stall' | 'end' | 'reset' }>;

function breaks(fault: Fault | undefined): fault is Break {
  return fault?.kind === 'stall' || fault?.kind === 'end' || fault?.kind === 'reset';
}

async function sendDocument(
  exchange: Exchange,
  json: object,
  id: string,
  fault: Fault | undefined,
): Promise<void> {
  if (breaks(fault)) {
    exchange.writeHead(200, { 'Content-Type': 'application/json', 'X-Generation-Id': id });
    exchange.response.write(JSON.stringify(json).slice(0, 40));
    await breakOff(exchange, fault.kind);
    return;
  }
  if (fault !== undefined && (await sendFaultyDocument(exchange, json, fault))) return;
  exchange.answerJson(200, faultyJson(json, fault), { 'X-Generation-Id': id });
}

function embeddings(exchange: Exchange, completion: Completion): void {
  const input = exchange.json['input'];
  const count = Array.isArray(input) ? input.length : 1;
  const data = Array.from({ length: count }, (_, index) => ({
    object: 'embedding',
    index,
    embedding: [0.1, 0.2, 0.3, index],
  }));
  const { id, model } = completion;
  exchange.answerJson(
    200,
    { id, object: 'list', model, data, usage: chatUsage(completion) },
    { 'X-Generation-Id': id },
  );
}

/** What fails before there is any content is not charged (OpenRouter docs, "Zero completion insurance"). */
function failsBeforeContent({ path, json }: Exchange, fault: Fault | undefined): boolean {
  if (!(path in ANSWERS)) return false;
  if (json['stream'] !== true) return fault?.kind === 'error-in-200';
  return fault?.kind === 'stream-error' && fault.events === 0;
}

/** Serves a request of one of the inference APIs. */
export async function serveInference(
  exchange: Exchange,
  now: number,
  fault: Fault | undefined,
  remember: (completion: Completion) => void,
): Promise<void> {
  const { key, record } = exchange;
  if (key === undefined) return;
  const context = { key, model: record.model ?? 'openrouter/auto', now };
  const refused =
    invalidRequest(exchange, context) ?? limitReached(key, context, asksPaidExtra(exchange));
  if (refused !== undefined) {
    exchange.answerError(exchange.path === '/messages' ? inAnthropicShape(refused) : refused);
    return;
  }
  const completion = complete(readPrompt(exchange.json), now);
  if (!failsBeforeContent(exchange, fault)) {
    const { promptTokens: sent, completionTokens: received, cost } = completion;
    charge(key, cost, now);
    record.billed = { sent, received, cost };
  }
  remember(completion);
  const api = ANSWERS[exchange.path]?.(completion);
  if (api === undefined) embeddings(exchange, completion);
  else await sendAnswer(exchange, api, completion.id, fault);
}
