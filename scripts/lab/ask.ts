import { request, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import type { Trial } from './trial.ts';

/** No answer takes longer: the timeouts of the lab's gateway are a second each. */
const HANG_MS = 12_000;

/** Both known to the fake. */
const MODELS = { paid: 'openai/gpt-4o', free: 'deepseek/deepseek-r1:free' };

/** What a client has seen. */
export interface Answer {
  /** Null: there was none. */
  readonly status: number | null;
  /** Header and body. */
  readonly text: string;
  /** Whether the connection says that it is whole. */
  readonly isComplete: boolean;
  readonly attempts: number;
  readonly ms: number;
}

/** Asks a gateway for what a trial is about, as a client does. */
export async function ask(
  url: string,
  accessKey: string,
  { stream, free, extra }: Pick<Trial, 'stream' | 'free' | 'extra'>,
): Promise<Answer> {
  const startedAt = performance.now();
  const sent = request(`${url}/api/v1/chat/completions`, {
    method: 'POST',
    agent: false,
    signal: AbortSignal.timeout(HANG_MS),
    headers: { authorization: `Bearer ${accessKey}`, 'content-type': 'application/json' },
  });
  const model = free ? MODELS.free : MODELS.paid;
  const messages = [{ role: 'user', content: 'Hello' }];
  sent.end(JSON.stringify({ model, stream, messages, ...extra }));
  let text = '';
  let response: IncomingMessage | undefined;
  try {
    [response] = (await once(sent, 'response')) as [IncomingMessage];
    text = `${JSON.stringify(response.headers)}\n`;
    for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  } catch {
    // That it broke off is what is told; what came before stands in `text`.
  }
  return {
    status: response?.statusCode ?? null,
    text,
    isComplete: response?.complete ?? false,
    attempts: Number(response?.headers['x-proxy-attempts'] ?? 0),
    ms: performance.now() - startedAt,
  };
}
