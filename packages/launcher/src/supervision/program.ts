import type { Address } from '@openrouter-proxy/runtime';

/** The readiness of a running program, with the reason if it is not ready. */
export type Answer =
  { readonly kind: 'ready' } | { readonly kind: 'not-ready'; readonly reason: string };

/** A program that the launcher keeps running. */
export interface Program {
  /** The name in messages. */
  readonly name: string;
  /** The file that Node runs. */
  readonly path: string;
  /** How long it may take to finish its work after SIGTERM, in milliseconds. */
  readonly stopGraceMs: number;
  /** The configuration for its standard input: a JSON value, read at every start. */
  configuration(): unknown;
  /** Answers requests of the child. */
  answer?(what: unknown): Promise<unknown>;
  /** Checks readiness at the announced address. Rejects if nothing answers. */
  ask(address: Address | null, signal: AbortSignal): Promise<Answer>;
}
