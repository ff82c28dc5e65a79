import { EXAMPLE_MODEL, shell, type Client } from './settings.ts';

/** Editors and agents that write code. */
export const CODING_TOOLS: readonly Client[] = [
  {
    id: 'claude-code',
    name: 'Claude Code',
    settings: ({ anthropic }) =>
      shell(
        `export ANTHROPIC_BASE_URL=${anthropic}`,
        'export ANTHROPIC_AUTH_TOKEN=$KEY',
        'export ANTHROPIC_API_KEY=""',
      ),
    short: ({ anthropic }) =>
      `\`ANTHROPIC_BASE_URL=${anthropic}\`, \`ANTHROPIC_AUTH_TOKEN=$KEY\`, \`ANTHROPIC_API_KEY=""\``,
  },
  {
    id: 'codex',
    name: 'Codex CLI',
    settings: ({ openAi }) => ({
      kind: 'text',
      where: '~/.codex/config.toml',
      language: 'toml',
      text: [
        `model = "${EXAMPLE_MODEL}"`,
        'model_provider = "gateway"',
        '',
        '[model_providers.gateway]',
        'name = "OpenRouter gateway"',
        `base_url = "${openAi}"`,
        'env_key = "GATEWAY_KEY"',
        'wire_api = "responses"',
        'request_max_retries = 0',
        'stream_max_retries = 0',
      ].join('\n'),
    }),
    short: ({ openAi }) => `\`[model_providers.gateway]\` with \`base_url = "${openAi}"\``,
    note: 'The access key is read from the environment variable `GATEWAY_KEY`. The gateway repeats what can be repeated, so that Codex need not. Leave `supports_websockets` out.',
  },
  {
    id: 'roo-code',
    name: 'Roo Code',
    settings: ({ openAi }) => ({
      kind: 'fields',
      where: 'Settings → Providers',
      fields: [
        { name: 'API Provider', value: 'OpenRouter' },
        { name: 'Use custom base URL', value: openAi },
        { name: 'OpenRouter API Key', value: '$KEY' },
      ],
    }),
    short: ({ openAi }) => `provider OpenRouter, custom base URL \`${openAi}\``,
  },
  {
    id: 'cline',
    name: 'Cline',
    settings: ({ openAi }) => ({
      kind: 'fields',
      where: 'Settings → API Configuration',
      fields: [
        { name: 'API Provider', value: 'OpenAI Compatible' },
        { name: 'Base URL', value: openAi },
        { name: 'API Key', value: '$KEY' },
        { name: 'Model ID', value: EXAMPLE_MODEL },
      ],
    }),
    short: ({ openAi }) => `provider "OpenAI Compatible", base URL \`${openAi}\``,
  },
  {
    id: 'cursor',
    name: 'Cursor',
    settings: ({ origin, openAi }) => ({
      kind: 'fields',
      where: 'Cursor Settings → Models → API Keys',
      fields: [
        { name: 'OpenAI API Key', value: '$KEY' },
        {
          name: 'Override OpenAI Base URL',
          value: origin.startsWith('https:') ? openAi : 'https://gateway.example.com/api/v1',
        },
      ],
    }),
    short: () =>
      '"Override OpenAI Base URL"; needs a public https address: Cursor’s servers send the requests',
    note:
      'Cursor’s own servers send the requests, not your machine: they refuse `localhost` and private addresses. ' +
      'The gateway needs a public https address, behind a reverse proxy. Add the model’s name, such as `openai/gpt-4o-mini`, with **Add model**. ' +
      'For some models Cursor sends bodies of the Responses API to `/chat/completions`, and they are refused with 400.',
  },
  {
    id: 'zed',
    name: 'Zed',
    settings: ({ openAi }) => ({
      kind: 'text',
      where: 'settings.json',
      language: 'json',
      text: JSON.stringify(
        {
          language_models: {
            openai_compatible: {
              Gateway: {
                api_url: openAi,
                available_models: [{ name: EXAMPLE_MODEL, max_tokens: 128_000 }],
              },
            },
          },
        },
        null,
        2,
      ),
    }),
    short: ({ openAi }) =>
      `\`language_models.openai_compatible.Gateway.api_url\`: \`${openAi}\`, \`GATEWAY_API_KEY=$KEY\``,
    note:
      'Zed reads the access key from the environment variable `GATEWAY_API_KEY`, named after the provider, or from its settings (**LLM Providers**). ' +
      'Each model has to be listed; `max_tokens` is the size of its context.',
  },
  {
    id: 'continue',
    name: 'Continue',
    settings: ({ openAi }) => ({
      kind: 'text',
      where: '~/.continue/config.yaml',
      language: 'yaml',
      text: [
        'name: Gateway',
        'version: 0.0.1',
        'schema: v1',
        'models:',
        '  - name: GPT-4o mini',
        '    provider: openrouter',
        `    model: ${EXAMPLE_MODEL}`,
        `    apiBase: ${openAi}`,
        '    apiKey: $KEY',
      ].join('\n'),
    }),
    short: ({ openAi }) => `\`provider: openrouter\`, \`apiBase: ${openAi}\`, \`apiKey: $KEY\``,
    note: 'Put the access key itself in place of `$KEY`.',
  },
  {
    id: 'aider',
    name: 'aider, LiteLLM',
    settings: ({ openAi }) =>
      shell(`export OPENROUTER_API_BASE=${openAi}`, 'export OPENROUTER_API_KEY=$KEY'),
    short: ({ openAi }) => `\`OPENROUTER_API_BASE=${openAi}\`, \`OPENROUTER_API_KEY=$KEY\``,
  },
];
