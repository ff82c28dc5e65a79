import { stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

const { GATEWAY_URL, GATEWAY_KEY: apiKey, MODEL } = process.env;
const [prompt, provider] = process.argv.slice(2);
const baseURL = `${GATEWAY_URL}/api/v1`;
const PROVIDERS = {
  openrouter: async () =>
    (await import('@openrouter/ai-sdk-provider')).createOpenRouter({ baseURL, apiKey }),
  openai: async () => (await import('@ai-sdk/openai')).createOpenAI({ baseURL, apiKey }),
  anthropic: async () => (await import('@ai-sdk/anthropic')).createAnthropic({ baseURL, apiKey }),
  compatible: async () =>
    (await import('@ai-sdk/openai-compatible')).createOpenAICompatible({
      ...{ name: 'gateway', baseURL, apiKey },
    }),
};
const languageModel = await PROVIDERS[provider]();
const weather = tool({
  description: 'The weather',
  inputSchema: z.object({ city: z.string() }),
  execute: async () => 'sunny',
});
const result = streamText({
  model: languageModel(MODEL),
  prompt,
  tools: { weather },
  stopWhen: stepCountIs(3),
  onError: ({ error }) => {
    console.error(error);
    process.exitCode = 1;
  },
});
for await (const piece of result.textStream) process.stdout.write(piece);
