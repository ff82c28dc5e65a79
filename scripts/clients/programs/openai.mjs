import OpenAI from 'openai';

const { GATEWAY_URL, GATEWAY_KEY, MODEL: model } = process.env;
const client = new OpenAI({ baseURL: `${GATEWAY_URL}/api/v1`, apiKey: GATEWAY_KEY });
const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }];
const messages = [{ role: 'user', content: process.argv[2] }];
for (;;) {
  const stream = client.chat.completions.stream({ model, messages, tools });
  stream.on('content', (text) => process.stdout.write(text));
  const { choices } = await stream.finalChatCompletion();
  const { message } = choices[0];
  if (!message.tool_calls?.length) break;
  const [{ id }] = message.tool_calls;
  messages.push(message, { role: 'tool', tool_call_id: id, content: 'sunny' });
}
