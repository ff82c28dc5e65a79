import type { Prompt } from './completion.ts';

/** A JSON object of a request. */
export type Json = Record<string, unknown>;

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const objects = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** The text of a content field: a string, or a list of parts of which some have text. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return objects(content)
    .map((part) => (typeof part['text'] === 'string' ? part['text'] : ''))
    .join('');
}

/** Tool definitions stand under `function` (chat) or directly (responses, messages). */
function toolName(tool: Json): string {
  const definition = isObject(tool['function']) ? tool['function'] : tool;
  return typeof definition['name'] === 'string' ? definition['name'] : '';
}

function requiredTool(choice: unknown, tools: string[]): string | null {
  if (choice === 'required' || choice === 'any') return tools[0] ?? null;
  if (!isObject(choice)) return null;
  if (choice['type'] === 'any') return tools[0] ?? null;
  return choice['type'] === 'function' || choice['type'] === 'tool' ? toolName(choice) : null;
}

/** A tool's result is a message of its own (chat), an item (responses), or part of a user's message (messages). */
const isToolResult = ({ role, type, content }: Json): boolean =>
  role === 'tool' ||
  type === 'function_call_output' ||
  objects(content).some((part) => part['type'] === 'tool_result');

/** Whether a tool's result follows the user's last words. */
function hasToolResult(messages: readonly Json[]): boolean {
  const lastWords = messages.findLastIndex(
    (message) => message['role'] === 'user' && !isToolResult(message),
  );
  return messages.slice(lastWords + 1).some(isToolResult);
}

/** Reads what a request of any API asks. */
export function readPrompt(body: Json): Prompt {
  const messages = objects(body['messages'] ?? body['input']);
  const plain = [body['prompt'], body['input'], body['instructions'], body['system']]
    .map((value) => (typeof value === 'string' ? value : ''))
    .join('');
  const userTexts = messages
    .filter((message) => message['role'] === 'user')
    .map((message) => textOf(message['content']));
  const tools = objects(body['tools']).map(toolName);
  return {
    model: typeof body['model'] === 'string' ? body['model'] : 'openrouter/auto',
    text: plain + messages.map((message) => textOf(message['content'])).join('\n'),
    lastUserText: userTexts.at(-1) ?? plain,
    hasToolResult: hasToolResult(messages),
    tools,
    requiredTool: requiredTool(body['tool_choice'], tools),
    reasoning: isObject(body['reasoning']) || body['reasoning_effort'] !== undefined,
  };
}
