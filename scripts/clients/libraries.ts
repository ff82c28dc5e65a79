import type { Client } from './client.ts';

const TOOL = () => ({ name: 'weather', input: { city: 'Rome' } });

/** A library in a program that asks once, streamed, and prints what it gets. */
const library = (name: string, program: string, packages: readonly string[]): Client => ({
  ...{ name, packages, tool: TOOL },
  command: (_place, prompt) => [program, prompt],
});

/** Libraries, each with its own retries as they are set by default. */
export const LIBRARIES: readonly Client[] = [
  library('openai', 'openai.mjs', ['openai@6.49.0']),
  library('anthropic-sdk', 'anthropic.mjs', ['@anthropic-ai/sdk@1.14.0']),
  library('openrouter-sdk', 'openrouter.mjs', ['@openrouter/sdk@1.3.19']),
  library('ai-sdk', 'ai.mjs', ['ai@6.0.326', '@openrouter/ai-sdk-provider@2.10.0', 'zod@4.6.7']),
  library('langchain-openai', 'langchain-openai.mjs', [
    ...['@langchain/openai@1.5.11', '@langchain/core@1.4.0', 'zod@4.6.7'],
  ]),
  library('langchain-openrouter', 'langchain-openrouter.mjs', [
    ...['@langchain/openrouter@0.4.11', '@langchain/core@1.4.0', 'zod@4.6.7'],
  ]),
  library('llamaindex', 'llamaindex.mjs', [
    'llamaindex@0.12.1',
    '@llamaindex/openai@0.4.23',
    'zod@4.6.7',
  ]),
  library('openai-agents', 'agents.mjs', ['@openai/agents@0.20.0', 'openai@6.49.0', 'zod@4.6.7']),
];
