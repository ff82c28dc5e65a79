/** A thread of the gateway that counts tokens: the tokenizer's table and its work stay out of the event loop. */
import { parentPort } from 'node:worker_threads';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { countedPrompt } from './counted-prompt.ts';
import { estimateTokens } from './estimate.ts';
import type { CountRequest, CountReply } from './token-counting.ts';

/** Special tokens in a text are counted as text. */
const AS_TEXT = { disallowedSpecial: new Set<string>() };

function replyTo({ id, body }: CountRequest): CountReply {
  const prompt = countedPrompt(Buffer.from(body).toString('utf8'));
  if ('problem' in prompt) return { id, problem: prompt.problem };
  const tokens = estimateTokens(prompt, (text) => countTokens(text, AS_TEXT));
  return { id, model: prompt.model, tokens };
}

parentPort?.on('message', (request: CountRequest) => parentPort?.postMessage(replyTo(request)));
