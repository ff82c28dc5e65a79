import { EXAMPLE_MODEL, shell, type Client } from './settings.ts';

/** Client libraries, and curl. */
export const LIBRARIES: readonly Client[] = [
  {
    id: 'openai-sdk',
    name: 'OpenAI SDKs',
    settings: ({ openAi }) =>
      shell(`export OPENAI_BASE_URL=${openAi}`, 'export OPENAI_API_KEY=$KEY'),
    short: ({ openAi }) => `\`OPENAI_BASE_URL=${openAi}\`, \`OPENAI_API_KEY=$KEY\``,
  },
  {
    id: 'anthropic-sdk',
    name: 'Anthropic SDKs',
    settings: ({ anthropic }) =>
      shell(`export ANTHROPIC_BASE_URL=${anthropic}`, 'export ANTHROPIC_API_KEY=$KEY'),
    short: ({ anthropic }) => `\`ANTHROPIC_BASE_URL=${anthropic}\`, \`ANTHROPIC_API_KEY=$KEY\``,
  },
  {
    id: 'openrouter-sdk',
    name: '@openrouter/sdk',
    settings: ({ openAi }) => ({
      kind: 'text',
      language: 'ts',
      text: `new OpenRouter({ serverURL: '${openAi}', apiKey: KEY });`,
    }),
    short: ({ openAi }) => `\`new OpenRouter({ serverURL: '${openAi}', apiKey: KEY })\``,
  },
  {
    id: 'vercel-ai-sdk',
    name: 'Vercel AI SDK',
    settings: ({ openAi }) => ({
      kind: 'text',
      language: 'ts',
      text: `createOpenRouter({ baseURL: '${openAi}', apiKey: KEY });`,
    }),
    short: ({ openAi }) => `\`createOpenRouter({ baseURL: '${openAi}', apiKey: KEY })\``,
  },
  {
    id: 'langchain',
    name: 'LangChain',
    settings: ({ openAi }) => ({
      kind: 'text',
      language: 'python',
      text: `ChatOpenAI(base_url="${openAi}", api_key=KEY, model="${EXAMPLE_MODEL}")`,
    }),
    short: ({ openAi }) => `\`ChatOpenAI(base_url="${openAi}", api_key=KEY)\``,
  },
  {
    id: 'curl',
    name: 'curl',
    settings: ({ openAi }) =>
      shell(
        `curl ${openAi}/chat/completions -H "Authorization: Bearer $KEY" \\`,
        `  -d '{"model": "${EXAMPLE_MODEL}", "messages": [{"role": "user", "content": "Hello"}]}'`,
      ),
    short: ({ openAi }) =>
      `\`curl ${openAi}/chat/completions -H "Authorization: Bearer $KEY" -d '{…}'\``,
  },
];
