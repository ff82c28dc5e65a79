import Anthropic from '@anthropic-ai/sdk';

const { GATEWAY_URL, GATEWAY_KEY, MODEL: model } = process.env;
const client = new Anthropic({ baseURL: `${GATEWAY_URL}/api`, apiKey: GATEWAY_KEY });
const tools = [{ name: 'weather', input_schema: { type: 'object' } }];
const messages = [{ role: 'user', content: process.argv[2] }];
for (;;) {
  const stream = client.messages.stream({ model, max_tokens: 200, messages, tools });
  stream.on('text', (text) => process.stdout.write(text));
  const { content } = await stream.finalMessage();
  const call = content.find(({ type }) => type === 'tool_use');
  if (call === undefined) break;
  const result = { type: 'tool_result', tool_use_id: call.id, content: 'sunny' };
  messages.push({ role: 'assistant', content }, { role: 'user', content: [result] });
}
