import { EXAMPLE_MODEL, type Client } from './settings.ts';

/** Chat interfaces and workflows. */
export const CHAT_APPS: readonly Client[] = [
  {
    id: 'open-webui',
    name: 'Open WebUI',
    settings: ({ openAi }) => ({
      kind: 'fields',
      where: 'Admin Panel → Settings → Connections → OpenAI API → +',
      fields: [
        { name: 'URL', value: openAi },
        { name: 'Key', value: '$KEY' },
      ],
    }),
    short: ({ openAi }) => `OpenAI connection, URL \`${openAi}\``,
    note:
      'In a container, `127.0.0.1` is the container itself: use `http://host.docker.internal:5555/api/v1`, ' +
      'and let the gateway listen on more than the loopback (`server.host`).',
  },
  {
    id: 'sillytavern',
    name: 'SillyTavern',
    settings: ({ openAi }) => ({
      kind: 'fields',
      where: 'API Connections',
      fields: [
        { name: 'API', value: 'Chat Completion' },
        { name: 'Chat Completion Source', value: 'Custom (OpenAI-compatible)' },
        { name: 'Custom Endpoint (Base URL)', value: openAi },
        { name: 'Custom API Key', value: '$KEY' },
        { name: 'Model ID', value: EXAMPLE_MODEL },
      ],
    }),
    short: ({ openAi }) =>
      `Chat Completion, source "Custom (OpenAI-compatible)", endpoint \`${openAi}\``,
  },
  {
    id: 'librechat',
    name: 'LibreChat',
    settings: ({ openAi }) => ({
      kind: 'text',
      where: 'librechat.yaml',
      language: 'yaml',
      text: [
        'endpoints:',
        '  custom:',
        '    - name: OpenRouter',
        "      apiKey: '${GATEWAY_KEY}'",
        `      baseURL: ${openAi}`,
        `      models: { fetch: true, default: [${EXAMPLE_MODEL}] }`,
      ].join('\n'),
    }),
    short: ({ openAi }) => `custom endpoint, \`baseURL: ${openAi}\`, \`models.fetch: true\``,
    note: 'The access key is read from the environment variable `GATEWAY_KEY`.',
  },
  {
    id: 'big-agi',
    name: 'big-AGI',
    settings: ({ origin }) => ({
      kind: 'fields',
      where: 'Models → Add → OpenAI',
      fields: [
        { name: 'API Key', value: '$KEY' },
        { name: 'Advanced: API Host', value: origin },
      ],
    }),
    short: ({ origin }) => `OpenAI-compatible host \`${origin}\``,
    note: 'Browser clients work as they do with OpenRouter itself: preflights are answered.',
  },
  {
    id: 'n8n',
    name: 'n8n',
    settings: ({ openAi }) => ({
      kind: 'fields',
      where: 'Credentials → OpenAI',
      fields: [
        { name: 'API Key', value: '$KEY' },
        { name: 'Base URL', value: openAi },
      ],
    }),
    short: ({ openAi }) => `credential OpenAI, Base URL \`${openAi}\``,
    note:
      'Use the credential in **OpenAI Chat Model** and choose the model by its id, such as `openai/gpt-4o-mini`. ' +
      'In a container, `127.0.0.1` is the container itself: use `http://host.docker.internal:5555/api/v1`.',
  },
];
