import { createOpenRouter } from '@openrouter/ai-sdk-provider';
import { stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

const { GATEWAY_URL, GATEWAY_KEY, MODEL } = process.env;
const provider = createOpenRouter({ baseURL: `${GATEWAY_URL}/api/v1`, apiKey: GATEWAY_KEY });
const weather = tool({
  description: 'The weather',
  inputSchema: z.object({ city: z.string() }),
  execute: async () => 'sunny',
});
let failure;
const result = streamText({
  model: provider(MODEL),
  prompt: process.argv[2],
  tools: { weather },
  stopWhen: stepCountIs(3),
  onError: ({ error }) => (failure = error),
});
for await (const piece of result.textStream) process.stdout.write(piece);
if (failure !== undefined) throw failure;
