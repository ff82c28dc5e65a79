/** The tokens of one image at most (Anthropic docs, "Vision": width × height / 750, of images scaled down to 1.15 megapixels). */
const TOKENS_PER_IMAGE = 1_600;
/** Tokens and bytes of one page of a PDF: 1,500 to 3,000 tokens (Anthropic docs, "PDF support"). */
const TOKENS_PER_PAGE = 2_000;
const BYTES_PER_PAGE = 64 * 1024;
/** The role of a message and its delimiters. */
const TOKENS_PER_MESSAGE = 4;
/** The system prompt that goes with tools (Anthropic docs, "Tool use", pricing). */
const TOKENS_OF_TOOL_PROMPT = 346;

/** Members that no model reads as text: protocol names, ids, and encrypted content. */
const NOT_TEXT: ReadonlySet<string> = new Set([
  'type',
  'id',
  'tool_use_id',
  'cache_control',
  'citations',
  'signature',
  'encrypted_content',
  'encrypted_index',
  'media_type',
]);

/** The counted parts of a request: its texts, and the tokens of images and documents. */
export interface CountedPrompt {
  readonly model: string;
  readonly texts: readonly string[];
  readonly otherTokens: number;
}

/** A request that cannot be counted: `problem` says why, for the client. */
export interface InvalidPrompt {
  readonly problem: string;
}

/** A JSON object, with the members that are read. */
interface Json {
  readonly type?: unknown;
  readonly name?: unknown;
  readonly role?: unknown;
  readonly content?: unknown;
  readonly input?: unknown;
  readonly data?: unknown;
  readonly source?: unknown;
  readonly title?: unknown;
  readonly context?: unknown;
  readonly model?: unknown;
  readonly system?: unknown;
  readonly messages?: unknown;
  readonly tools?: unknown;
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Collects texts and tokens from the content of a request. */
class Collector {
  readonly texts: string[] = [];
  otherTokens = 0;

  /** A text, a content block, or a list of them. */
  content(value: unknown): void {
    if (typeof value === 'string') this.texts.push(value);
    else if (Array.isArray(value)) for (const item of value) this.content(item);
    else if (isObject(value)) this.#block(value);
  }

  #block(block: Json): void {
    switch (block.type) {
      case 'image':
        this.otherTokens += TOKENS_PER_IMAGE;
        return;
      case 'document':
        this.#document(block);
        return;
      case 'tool_use':
      case 'server_tool_use':
        this.texts.push(String(block.name), JSON.stringify(block.input ?? {}));
        return;
      case 'redacted_thinking':
        return; // encrypted
      default:
        for (const [name, value] of Object.entries(block)) {
          if (!NOT_TEXT.has(name)) this.content(value);
        }
    }
  }

  #document({ source, title, context }: Json): void {
    this.content([title, context]);
    if (!isObject(source)) return;
    if (source.type === 'text') this.content(source.data);
    else if (source.type === 'content') this.content(source.content);
    else this.otherTokens += TOKENS_PER_PAGE * pagesOf(source.data);
  }
}

/** Pages of a PDF in base64; one if the PDF is named by a URL or an id. */
function pagesOf(data: unknown): number {
  if (typeof data !== 'string') return 1;
  return Math.max(1, Math.ceil((data.length * 0.75) / BYTES_PER_PAGE));
}

/** A request in which `problemOf` finds none. */
interface ValidRequest {
  readonly model: string;
  readonly messages: readonly Json[];
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function problemOf(request: unknown): string | null {
  if (!isObject(request)) return 'The body must be a JSON object.';
  const { model, messages } = request;
  if (typeof model !== 'string' || model === '') return 'model: a string is required.';
  if (!Array.isArray(messages) || messages.length === 0) {
    return 'messages: at least one message is required.';
  }
  const wrong = messages.findIndex(
    (message) => !isObject(message) || typeof message.role !== 'string',
  );
  return wrong === -1 ? null : `messages.${wrong}: an object with a role is required.`;
}

/** Reads the counted parts from the body of `POST /messages/count_tokens` (Anthropic docs, "Token counting"). */
export function countedPrompt(body: string): CountedPrompt | InvalidPrompt {
  const request = parsed(body);
  const problem = problemOf(request);
  if (problem !== null) return { problem };
  const { model, system, messages, tools } = request as Json & ValidRequest;
  const collected = new Collector();
  collected.content(system);
  for (const { content } of messages) collected.content(content);
  collected.otherTokens += messages.length * TOKENS_PER_MESSAGE;
  if (Array.isArray(tools) && tools.length > 0) {
    collected.otherTokens += TOKENS_OF_TOOL_PROMPT;
    const definitions = tools.map((tool) => JSON.stringify(tool, withoutCacheControl));
    collected.texts.push(...definitions);
  }
  return { model, texts: collected.texts, otherTokens: collected.otherTokens };
}

const withoutCacheControl = (name: string, value: unknown) =>
  name === 'cache_control' ? undefined : value;
