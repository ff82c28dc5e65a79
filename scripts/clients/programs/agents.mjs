import { Agent, run, setDefaultOpenAIClient, setTracingDisabled, tool } from '@openai/agents';
import OpenAI from 'openai';
import { z } from 'zod';

const { GATEWAY_URL, GATEWAY_KEY: apiKey, MODEL: model } = process.env;
setTracingDisabled(true);
setDefaultOpenAIClient(new OpenAI({ baseURL: `${GATEWAY_URL}/api/v1`, apiKey }));
const weather = tool({
  name: 'weather',
  description: 'The weather',
  parameters: z.object({ city: z.string() }),
  execute: async () => 'sunny',
});
const agent = new Agent({ name: 'assistant', instructions: '', model, tools: [weather] });
const result = await run(agent, process.argv[2], { stream: true });
for await (const piece of result.toTextStream()) process.stdout.write(piece);
await result.completed;
