import { OpenAI } from '@llamaindex/openai';
import { tool } from 'llamaindex';
import { z } from 'zod';

const { GATEWAY_URL, GATEWAY_KEY: apiKey, MODEL: model } = process.env;
const llm = new OpenAI({ baseURL: `${GATEWAY_URL}/api/v1`, apiKey, model });
const weather = tool({
  name: 'weather',
  description: 'The weather',
  parameters: z.object({ city: z.string() }),
  execute: () => 'sunny',
});
const messages = [{ role: 'user', content: process.argv[2] }];
for (;;) {
  let calls = [];
  for await (const { delta, options } of await llm.chat({
    messages,
    tools: [weather],
    stream: true,
  })) {
    process.stdout.write(delta);
    if (options?.toolCall?.length) calls = options.toolCall;
  }
  if (calls.length === 0) break;
  messages.push(
    { role: 'assistant', content: '', options: { toolCall: calls } },
    {
      role: 'user',
      content: 'sunny',
      options: { toolResult: { id: calls[0].id, result: 'sunny', isError: false } },
    },
  );
}
