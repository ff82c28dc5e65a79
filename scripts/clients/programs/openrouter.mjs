import { OpenRouter } from '@openrouter/sdk';

const { GATEWAY_URL, GATEWAY_KEY, MODEL: model } = process.env;
const client = new OpenRouter({ serverURL: `${GATEWAY_URL}/api/v1`, apiKey: GATEWAY_KEY });
const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }];
const messages = [{ role: 'user', content: process.argv[2] }];
for (;;) {
  const request = { model, messages, tools, stream: true };
  let call;
  for await (const { choices, error } of await client.chat.send({ chatRequest: request })) {
    if (error) throw new Error(error.message);
    process.stdout.write(choices[0]?.delta.content ?? '');
    const piece = choices[0]?.delta.toolCalls?.[0];
    call ??= piece?.id === undefined ? undefined : piece;
  }
  if (call === undefined) break;
  const toolCalls = [
    { id: call.id, type: 'function', function: { name: 'weather', arguments: '{}' } },
  ];
  messages.push(
    { role: 'assistant', content: '', toolCalls },
    { role: 'tool', toolCallId: call.id, content: 'sunny' },
  );
}
