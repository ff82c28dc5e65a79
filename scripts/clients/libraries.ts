import type { Client } from './client.ts';

const TOOL = () => ({ name: 'weather', input: { city: 'Rome' } });

/** A library in a program that asks once, streamed, and prints what it gets. */
const library = (
  name: string,
  program: string,
  packages: readonly string[],
  ...rest: readonly string[]
): Client => ({
  ...{ name, packages, tool: TOOL },
  command: (_place, prompt) => [program, prompt, ...rest],
});

/** The AI SDK with one of its providers. */
const aiSdk = (name: string, provider: string, packages: readonly string[]): Client =>
  library(name, 'ai.mjs', [...packages, 'zod@4.6.7'], provider);

/** Libraries, each with its own retries as they are set by default. */
export const LIBRARIES: readonly Client[] = [
  library('openai', 'openai.mjs', ['openai@6.49.0']),
  library('anthropic-sdk', 'anthropic.mjs', ['@anthropic-ai/sdk@1.14.0']),
  library('openrouter-sdk', 'openrouter.mjs', ['@openrouter/sdk@1.3.19']),
  aiSdk('ai-sdk', 'openrouter', ['ai@6.0.326', '@openrouter/ai-sdk-provider@2.10.0']),
  aiSdk('ai-sdk-openai', 'openai', ['@ai-sdk/openai@3.0.141', 'ai@6.0.326']),
  aiSdk('ai-sdk-anthropic', 'anthropic', ['@ai-sdk/anthropic@3.0.140', 'ai@6.0.326']),
  aiSdk('ai-sdk-compatible', 'compatible', ['@ai-sdk/openai-compatible@2.0.92', 'ai@6.0.326']),
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
