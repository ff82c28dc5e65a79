import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { z } from 'zod';

const { GATEWAY_URL, GATEWAY_KEY: apiKey, MODEL: model } = process.env;
const baseURL = `${GATEWAY_URL}/api/v1`;
const weather = tool(async () => 'sunny', {
  name: 'weather',
  description: 'The weather',
  schema: z.object({ city: z.string() }),
});
const chat = new ChatOpenAI({ model, apiKey, configuration: { baseURL } }).bindTools([weather]);
const messages = [new HumanMessage(process.argv[2])];
for (;;) {
  let answer;
  for await (const chunk of await chat.stream(messages)) {
    if (typeof chunk.content === 'string') process.stdout.write(chunk.content);
    answer = answer === undefined ? chunk : answer.concat(chunk);
  }
  const [call] = answer?.tool_calls ?? [];
  if (call === undefined) break;
  messages.push(answer, new ToolMessage({ tool_call_id: call.id, content: 'sunny' }));
}
