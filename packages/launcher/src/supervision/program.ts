import type { Address } from '@openrouter-proxy/runtime';

/** Whether a program that runs can do its work; if not, what stands in the way. */
export type Answer =
  { readonly kind: 'ready' } | { readonly kind: 'hindered'; readonly reason: string };

/** A program that the launcher keeps running. */
export interface Program {
  /** What people call it. */
  readonly name: string;
  /** The file that Node runs. */
  readonly path: string;
  /** How long it may take to finish its work after SIGTERM, in milliseconds. */
  readonly stopGraceMs: number;
  /** What it is told on its standard input: a JSON value, asked for at every start. */
  configuration(): unknown;
  /** Answers what the child asks of the launcher. */
  answer?(what: unknown): Promise<unknown>;
  /** Asks it, at the address it announced, whether it can serve. Rejects when nothing answers. */
  ask(address: Address | null, signal: AbortSignal): Promise<Answer>;
}
