import { randomBytes } from 'node:crypto';
import { findModel } from './model-catalog.ts';

/** What a request asks of a model, whichever API it came by. */
export interface Prompt {
  model: string;
  /** Everything that was said, as text. */
  text: string;
  /** The last thing the user said. */
  lastUserText: string;
  /** Whether a tool's result followed them. */
  hasToolResult: boolean;
  tools: string[];
  /** The tool that must be called, if one must. */
  requiredTool: string | null;
  reasoning: boolean;
}

/** A call of a tool by the model. */
export interface ToolCall {
  id: string;
  name: string;
  arguments: string;
}

/** What the model answers, whichever API it goes by. */
export interface Completion {
  id: string;
  created: number;
  model: string;
  provider: string;
  /** The answer in the pieces a stream sends it in. */
  pieces: string[];
  reasoning: string | null;
  toolCall: ToolCall | null;
  promptTokens: number;
  completionTokens: number;
  reasoningTokens: number;
  /** US dollars. */
  cost: number;
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A generation id: `gen-<unix seconds>-<20 letters and digits>`. */
export function generationId(now: number): string {
  const letters = Array.from(randomBytes(20), (byte) => ALPHABET[byte % ALPHABET.length]);
  return `gen-${Math.floor(now / 1000)}-${letters.join('')}`;
}

const tokens = (text: string) => Math.ceil(text.length / 4);

/** `Use weather {"city":"Rome"}`: which tool to call, and what with. */
const TOOL_AND_INPUT = /\bUse (\S+) (\{.*\})/;
/** Agents name their tools in what the user says. */
const NO_TOOL = /\bUse no tool\b/;
const ANY_INPUT = '{"city":"Paris"}';

/** The tool to call: one that is required, else one that the user's last words name, once. */
function calledTool(prompt: Prompt): { name: string; input: string } | undefined {
  const { tools, requiredTool, lastUserText, hasToolResult } = prompt;
  if (requiredTool !== null) return { name: requiredTool, input: ANY_INPUT };
  if (hasToolResult || NO_TOOL.test(lastUserText)) return undefined;
  const [, named, input = ANY_INPUT] = TOOL_AND_INPUT.exec(lastUserText) ?? [];
  const name = named ?? tools.find((tool) => lastUserText.includes(tool));
  return name !== undefined && tools.includes(name) ? { name, input } : undefined;
}

/** Answers a prompt, the same way each time: it repeats the user's last words. */
export function complete(prompt: Prompt, now: number): Completion {
  const tool = calledTool(prompt);
  const said = prompt.lastUserText.slice(0, 200) || 'nothing';
  const pieces = tool === undefined ? (`You said: ${said} – noted.`.match(/\s*\S+/gu) ?? []) : [];
  const toolCall =
    tool === undefined
      ? null
      : {
          id: `call_${randomBytes(12).toString('hex')}`,
          name: tool.name,
          arguments: tool.input,
        };
  const reasoning = prompt.reasoning ? 'The user said something; it is to be repeated.' : null;
  const promptTokens = tokens(prompt.text);
  const reasoningTokens = reasoning === null ? 0 : tokens(reasoning);
  const completionTokens = tokens(pieces.join('') + (toolCall?.arguments ?? '')) + reasoningTokens;
  const price = findModel(prompt.model)?.pricing ?? { prompt: '0', completion: '0' };
  const cost =
    Math.max(0, Number(price.prompt)) * promptTokens +
    Math.max(0, Number(price.completion)) * completionTokens;
  return {
    id: generationId(now),
    created: Math.floor(now / 1000),
    model: prompt.model,
    provider: 'Fake',
    pieces,
    reasoning,
    toolCall,
    promptTokens,
    completionTokens,
    reasoningTokens,
    cost,
  };
}
