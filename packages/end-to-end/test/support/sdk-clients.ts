import Anthropic from '@anthropic-ai/sdk';
import { createOpenRouter } from '@openrouter/ai-sdk-provider';
import { OpenRouter } from '@openrouter/sdk';
import { generateText, streamText } from 'ai';
import OpenAI from 'openai';
import type { Product } from './product.ts';

/** What a test can ask of any SDK. It rejects with the SDK's own error. */
export interface SdkClient {
  name: string;
  plain(text: string, model: string): Promise<string>;
  streamed(text: string, model: string): Promise<string>;
}

/** The official `openai` client; it does not retry, so that a failure is seen. */
export function openAi({ openAiUrl, accessKey }: Product): OpenAI {
  return new OpenAI({ baseURL: openAiUrl, apiKey: accessKey, maxRetries: 0 });
}

/** The official `@anthropic-ai/sdk` client, without retries. */
export function anthropic({ anthropicUrl, accessKey }: Product): Anthropic {
  return new Anthropic({ baseURL: anthropicUrl, apiKey: accessKey, maxRetries: 0 });
}

/** The official `@openrouter/sdk` client, without retries. */
export function openRouter({ openAiUrl, accessKey }: Product): OpenRouter {
  return new OpenRouter({
    serverURL: openAiUrl,
    apiKey: accessKey,
    retryConfig: { strategy: 'none' },
  });
}

/** The provider of the Vercel AI SDK. */
export function aiSdkProvider({ openAiUrl, accessKey }: Product) {
  return createOpenRouter({ baseURL: openAiUrl, apiKey: accessKey });
}

const userSays = (content: string) => [{ role: 'user' as const, content }];

function openAiClient(product: Product): SdkClient {
  const client = openAi(product);
  return {
    name: 'openai',
    async plain(text, model) {
      const answer = await client.chat.completions.create({ model, messages: userSays(text) });
      return answer.choices[0]?.message.content ?? '';
    },
    async streamed(text, model) {
      const messages = userSays(text);
      const stream = await client.chat.completions.create({ model, messages, stream: true });
      let said = '';
      for await (const chunk of stream) said += chunk.choices[0]?.delta.content ?? '';
      return said;
    },
  };
}

function anthropicClient(product: Product): SdkClient {
  const client = anthropic(product);
  return {
    name: '@anthropic-ai/sdk',
    async plain(text, model) {
      const answer = await client.messages.create({
        model,
        max_tokens: 100,
        messages: userSays(text),
      });
      return answer.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
    },
    async streamed(text, model) {
      const stream = client.messages.stream({ model, max_tokens: 100, messages: userSays(text) });
      return stream.finalText();
    },
  };
}

function openRouterClient(product: Product): SdkClient {
  const client = openRouter(product);
  return {
    name: '@openrouter/sdk',
    async plain(text, model) {
      const answer = await client.chat.send({
        chatRequest: { model, messages: userSays(text), stream: false },
      });
      if (!('choices' in answer)) throw new Error('a stream came where an answer was asked for');
      const content = answer.choices[0]?.message.content;
      return typeof content === 'string' ? content : '';
    },
    async streamed(text, model) {
      const stream = await client.chat.send({
        chatRequest: { model, messages: userSays(text), stream: true },
      });
      if ('choices' in stream) throw new Error('an answer came where a stream was asked for');
      let said = '';
      for await (const chunk of stream) said += chunk.choices[0]?.delta.content ?? '';
      return said;
    },
  };
}

function aiSdkClient(product: Product): SdkClient {
  const provider = aiSdkProvider(product);
  return {
    name: 'ai with @openrouter/ai-sdk-provider',
    async plain(prompt, model) {
      return (await generateText({ model: provider(model), prompt, maxRetries: 0 })).text;
    },
    async streamed(prompt, model) {
      let failure: Error | undefined;
      const onError = ({ error }: { error: unknown }) => (failure = error as Error); // the SDK's own
      const result = streamText({ model: provider(model), prompt, maxRetries: 0, onError });
      let said = '';
      for await (const piece of result.textStream) said += piece;
      if (failure !== undefined) throw failure;
      return said;
    },
  };
}

/** All four SDKs as clients of one product. */
export function sdkClients(product: Product): SdkClient[] {
  return [openAiClient, anthropicClient, openRouterClient, aiSdkClient].map((make) =>
    make(product),
  );
}
