/** The addresses of a gateway, as clients need them. */
export interface GatewayAddresses {
  /** `http://127.0.0.1:5555` */
  readonly origin: string;
  /** The base URL for OpenAI's and OpenRouter's APIs. */
  readonly openAi: string;
  /** The base URL for Anthropic's API. */
  readonly anthropic: string;
}

/** The addresses of the gateway at an origin. */
export function gatewayAddresses(origin: string): GatewayAddresses {
  return { origin, openAi: `${origin}/api/v1`, anthropic: `${origin}/api` };
}

/** A field of a settings form, and its value. */
export interface SettingField {
  readonly name: string;
  readonly value: string;
}

/** The settings of a client. `$KEY` stands for the access key of the gateway. */
export type Settings =
  /** Text for a shell, a file or a program; `where` names the file. */
  | {
      readonly kind: 'text';
      readonly where?: string;
      readonly language: string;
      readonly text: string;
    }
  /** Fields of the client's own settings; `where` is the way to them. */
  | { readonly kind: 'fields'; readonly where: string; readonly fields: readonly SettingField[] };

/** A client, and its settings for the gateway. */
export interface Client {
  /** Names its part of docs/clients.md. */
  readonly id: string;
  readonly name: string;
  readonly settings: (at: GatewayAddresses) => Settings;
  /** The settings in one line of Markdown. */
  readonly short: (at: GatewayAddresses) => string;
  /** A note, in Markdown without links. */
  readonly note?: string;
}

/** A model for examples. */
export const EXAMPLE_MODEL = 'openai/gpt-4o-mini';

/** Lines for a shell. */
export const shell = (...lines: string[]): Settings => ({
  kind: 'text',
  language: 'sh',
  text: lines.join('\n'),
});
