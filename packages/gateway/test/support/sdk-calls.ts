import Anthropic from '@anthropic-ai/sdk';
import { createOpenRouter } from '@openrouter/ai-sdk-provider';
import { OpenRouter } from '@openrouter/sdk';
import { embed, generateImage, generateText, streamText } from 'ai';
import OpenAI from 'openai';
import { ACCESS_KEY } from './process-configuration.ts';

/** A call of an SDK's function, as its users write it. It resolves with the text of a whole answer. */
export interface SdkCall {
  readonly name: string;
  readonly streamed: boolean;
  readonly run: (url: string) => Promise<unknown>;
}

/** Whether SDKs repeat failed requests, as they do by themselves. */
type Retries = 'as usual' | 'none';

const MODEL = 'openai/gpt-4o';
const messages = [{ role: 'user' as const, content: 'Hello' }];

function openAiCalls(retries: Retries): SdkCall[] {
  const open = (url: string) =>
    new OpenAI({
      ...{ baseURL: `${url}/api/v1`, apiKey: ACCESS_KEY },
      ...(retries === 'none' ? { maxRetries: 0 } : {}),
    });
  const call = (name: string, streamed: boolean, run: (client: OpenAI) => Promise<unknown>) => ({
    ...{ name: `openai: ${name}`, streamed, run: (url: string) => run(open(url)) },
  });
  return [
    call('chat', false, async ({ chat }) => {
      const answer = await chat.completions.create({ model: MODEL, messages });
      return answer.choices[0]?.message.content;
    }),
    call('chat', true, async ({ chat }) => {
      let text = '';
      const chunks = await chat.completions.create({ model: MODEL, messages, stream: true });
      for await (const { choices } of chunks) text += choices[0]?.delta.content ?? '';
      return text;
    }),
    call('chat in pieces', true, ({ chat }) =>
      chat.completions.stream({ model: MODEL, messages }).finalContent(),
    ),
    call('completions', false, async ({ completions }) => {
      const answer = await completions.create({ model: MODEL, prompt: 'Hello' });
      return answer.choices[0]?.text;
    }),
    call('completions', true, async ({ completions }) => {
      let text = '';
      const chunks = await completions.create({ model: MODEL, prompt: 'Hello', stream: true });
      for await (const { choices } of chunks) text += choices[0]?.text ?? '';
      return text;
    }),
    call('responses', false, async ({ responses }) => {
      const answer = await responses.create({ model: MODEL, input: 'Hello' });
      return answer.output_text;
    }),
    call('responses', true, async ({ responses }) => {
      let text = '';
      const events = await responses.create({ model: MODEL, input: 'Hello', stream: true });
      for await (const event of events) {
        if (event.type === 'response.output_text.delta') text += event.delta;
        if (event.type === 'response.failed') throw new Error(event.response.error?.message);
        if (event.type === 'error') throw new Error(event.message);
      }
      return text;
    }),
    call('responses in pieces', true, async ({ responses }) => {
      const stream = responses.stream({ model: MODEL, input: 'Hello' });
      const { status, error, output_text: text } = await stream.finalResponse();
      if (status === 'failed') throw new Error(error?.message);
      return text;
    }),
    call('embeddings', false, ({ embeddings }) =>
      embeddings.create({ model: MODEL, input: 'Hello' }),
    ),
    call('images', false, ({ images }) => images.generate({ model: MODEL, prompt: 'Hello' })),
    call('speech', false, ({ audio }) =>
      audio.speech.create({ model: MODEL, input: 'Hello', voice: 'alloy' }),
    ),
  ];
}

function anthropicCalls(retries: Retries): SdkCall[] {
  const request = { model: MODEL, max_tokens: 10, messages };
  const open = (url: string) =>
    new Anthropic({
      ...{ baseURL: `${url}/api`, apiKey: ACCESS_KEY },
      ...(retries === 'none' ? { maxRetries: 0 } : {}),
    });
  const call = (name: string, streamed: boolean, run: (client: Anthropic) => Promise<unknown>) => ({
    ...{ name: `@anthropic-ai/sdk: ${name}`, streamed, run: (url: string) => run(open(url)) },
  });
  return [
    call('messages', false, async (client) => {
      const [block] = (await client.messages.create(request)).content;
      return block?.type === 'text' ? block.text : undefined;
    }),
    call('messages', true, async (client) => {
      let text = '';
      for await (const event of await client.messages.create({ ...request, stream: true })) {
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') {
          text += event.delta.text;
        }
      }
      return text;
    }),
    call('messages in pieces', true, (client) => client.messages.stream(request).finalText()),
    call('count of tokens', false, (client) =>
      client.messages.countTokens({ model: MODEL, messages }),
    ),
  ];
}

function openRouterCalls(retries: Retries): SdkCall[] {
  const open = (url: string) =>
    new OpenRouter({
      ...{ serverURL: `${url}/api/v1`, apiKey: ACCESS_KEY },
      ...(retries === 'none' ? { retryConfig: { strategy: 'none' as const } } : {}),
    });
  const call = (
    name: string,
    streamed: boolean,
    run: (client: OpenRouter) => Promise<unknown>,
  ) => ({
    ...{ name: `@openrouter/sdk: ${name}`, streamed, run: (url: string) => run(open(url)) },
  });
  const chatRequest = { model: MODEL, messages };
  const responsesRequest = { model: MODEL, input: 'Hello' };
  return [
    call('chat', false, async ({ chat }) => {
      const answer = await chat.send({ chatRequest: { ...chatRequest, stream: false } });
      if (!('choices' in answer)) throw new Error('a stream came where an answer was asked for');
      return answer.choices[0]?.message.content;
    }),
    call('chat', true, async ({ chat }) => {
      let text = '';
      const chunks = await chat.send({ chatRequest: { ...chatRequest, stream: true } });
      if ('choices' in chunks) throw new Error('an answer came where a stream was asked for');
      for await (const { choices, error } of chunks) {
        if (error !== undefined) throw new Error(error.message);
        text += choices[0]?.delta.content ?? '';
      }
      return text;
    }),
    call('responses', false, async ({ responses }) => {
      const answer = await responses.send({
        responsesRequest: { ...responsesRequest, stream: false },
      });
      if (!('output' in answer)) throw new Error('a stream came where an answer was asked for');
      return answer.outputText;
    }),
    call('responses', true, async ({ responses }) => {
      let text = '';
      const events = await responses.send({
        responsesRequest: { ...responsesRequest, stream: true },
      });
      if ('output' in events) throw new Error('an answer came where a stream was asked for');
      for await (const event of events) {
        if (event.type === 'response.output_text.delta') text += event.delta;
        if (event.type === 'response.failed') throw new Error(event.response.error?.message);
        if (event.type === 'error') throw new Error(event.message);
      }
      return text;
    }),
    call('embeddings', false, ({ embeddings }) =>
      embeddings.generate({ requestBody: { model: MODEL, input: 'Hello' } }),
    ),
    call('images', false, ({ images }) =>
      images.generate({ imageGenerationRequest: { model: MODEL, prompt: 'Hello' } }),
    ),
    call('speech', false, ({ tts }) =>
      tts.createSpeech({ speechRequest: { model: MODEL, input: 'Hello' } }),
    ),
  ];
}

function aiSdkCalls(retries: Retries): SdkCall[] {
  type Provider = ReturnType<typeof createOpenRouter>;
  const options = retries === 'none' ? { maxRetries: 0 } : {};
  const call = (
    name: string,
    streamed: boolean,
    run: (provider: Provider) => Promise<unknown>,
  ) => ({
    ...{ name: `ai: ${name}`, streamed },
    run: (url: string) => run(createOpenRouter({ baseURL: `${url}/api/v1`, apiKey: ACCESS_KEY })),
  });
  return [
    call('chat', false, async (provider) => {
      return (await generateText({ model: provider(MODEL), prompt: 'Hello', ...options })).text;
    }),
    call('chat', true, async (provider) => {
      let failure: unknown;
      const onError = ({ error }: { error: unknown }) => void (failure ??= error);
      const model = provider(MODEL);
      const { textStream } = streamText({ model, prompt: 'Hello', ...options, onError });
      let text = '';
      for await (const piece of textStream) text += piece;
      if (failure !== undefined) throw failure as Error;
      return text;
    }),
    call('embeddings', false, (provider) =>
      embed({ model: provider.textEmbeddingModel(MODEL), value: 'Hello', ...options }),
    ),
    call('images', false, (provider) =>
      generateImage({ model: provider.imageModel(MODEL), prompt: 'Hello', ...options }),
    ),
  ];
}

/** Every function of the four SDKs that asks a model for something. */
export function sdkCalls(retries: Retries): SdkCall[] {
  return [openAiCalls, anthropicCalls, openRouterCalls, aiSdkCalls].flatMap((make) =>
    make(retries),
  );
}
