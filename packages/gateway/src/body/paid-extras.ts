import type { ReadMember } from './conversation.ts';
import { ElementWordsReader, type ElementWords } from './element-words-reader.ts';
import { ScalarReader, ShortValueReader, WordReader } from './member-readers.ts';
import type { MemberReader } from './member-reader.ts';

/** What `openrouter.free_only` does not allow in a request. */
export interface PaidPart {
  /** As the client wrote it: a model, a plugin, a tool, or the name of a member. */
  name: string;
  what: 'model' | 'plugin' | 'tool' | 'preset' | 'member';
}

/** Plugins that cost nothing (OpenRouter docs, "Plugins"). */
const FREE_PLUGINS: ReadonlySet<unknown> = new Set(['response-healing', 'context-compression']);
/** Tools that the client carries out itself. */
const CLIENT_TOOLS: ReadonlySet<unknown> = new Set([
  ...[undefined, null, 'function', 'custom', 'local_shell', 'apply_patch'],
]);
/** Tools of Anthropic's that the client carries out: `bash_20250124`. */
const CLIENT_TOOL = /^(bash|text_editor|computer|memory)_\d{8}$/;
/** `author/name:free`, and nothing that routes elsewhere (`@preset/…`, a second suffix). */
const FREE_MODEL = /^~?[\w.-]+\/[\w.-]+:free$/;
const FREE_ROUTER = 'openrouter/free';
const PRESET = '@';
const MAX_MODELS = 100;

/** What reads the members of a body by which a request may cost something. */
export function paidPartReaders(): Record<string, MemberReader> {
  return {
    model: new ScalarReader(),
    models: new ShortValueReader(),
    fallbacks: new ShortValueReader(),
    preset: new ShortValueReader(),
    plugins: new ElementWordsReader(['id', 'enabled']),
    tools: new ElementWordsReader(['type', 'name']),
    web_search_options: new WordReader(''),
  };
}

/** Whether a name stands for a model that costs nothing, whatever the account's presets say. */
function isFreeModelName(name: unknown): boolean {
  return typeof name === 'string' && (name === FREE_ROUTER || FREE_MODEL.test(name));
}

const shown = (name: unknown) => (typeof name === 'string' ? name.slice(0, 200) : 'unknown');

function paidModel(member: ReadMember): PaidPart | null {
  for (const list of [member('models'), member('fallbacks')]) {
    if (list === undefined || list === null) continue;
    if (!Array.isArray(list) || list.length > MAX_MODELS) return { name: 'models', what: 'member' };
    const paid = (list as unknown[]).findIndex((name) => !isFreeModelName(name));
    if (paid !== -1) return { name: shown((list as unknown[])[paid]), what: 'model' };
  }
  const model = member('model');
  if (typeof model === 'string' && model.includes(PRESET))
    return { name: shown(model), what: 'preset' };
  return isFreeModelName(model) ? null : { name: shown(model), what: 'model' };
}

type Elements = readonly (ElementWords | 'other')[] | null | undefined;

function paidElement(
  elements: Elements,
  what: 'plugin' | 'tool',
  isFree: (words: ElementWords) => boolean,
): PaidPart | null {
  if (elements === undefined) return null;
  if (elements === null) return { name: `${what}s`, what: 'member' };
  const paid = elements.find((words) => words === 'other' || !isFree(words));
  if (paid === undefined) return null;
  const name =
    paid === 'other' ? undefined : (paid[what === 'tool' ? 'type' : 'id'] ?? paid['name']);
  return { name: shown(name), what };
}

const isFreePlugin = ({ id, enabled }: ElementWords) => enabled === false || FREE_PLUGINS.has(id);

const isClientTool = ({ type }: ElementWords) =>
  CLIENT_TOOLS.has(type) || (typeof type === 'string' && CLIENT_TOOL.test(type));

/**
 * The first part of a body that may cost something although it is sent to a free model, or null. What is not
 * known to be free counts as paid: a preset may choose any model, a tool that OpenRouter carries out is charged.
 */
export function paidPart(member: ReadMember): PaidPart | null {
  const preset = member('preset');
  if (preset !== undefined && preset !== null) return { name: shown(preset), what: 'preset' };
  const model = paidModel(member);
  if (model !== null) return model;
  if (member('web_search_options') === true) return { name: 'web_search_options', what: 'member' };
  // The readers of these members give nothing else.
  const [plugins, tools] = [member('plugins') as Elements, member('tools') as Elements];
  return paidElement(plugins, 'plugin', isFreePlugin) ?? paidElement(tools, 'tool', isClientTool);
}
