import type { ErrorFamily, Fault } from '@openrouter-proxy/fake-openrouter';

/** What the client is to see. */
export type Seen =
  /** A whole answer, as if nothing had happened. */
  | { readonly kind: 'served' }
  /** A whole answer without content: a model may have nothing to say. */
  | { readonly kind: 'empty' }
  /** OpenRouter's own words. */
  | { readonly kind: 'passed on'; readonly status: number }
  /** The gateway's own words. */
  | { readonly kind: 'refused'; readonly status: number }
  /** An answer that has begun and breaks off: an error event, then an abnormal end. */
  | { readonly kind: 'broken off' };

/** What can be set aside: a key, or something that limits concern. */
export type SetAside = 'key' | 'account' | 'account-model' | 'key-model' | 'model' | 'upstream';

/** A fault of the upstream's, and what is to come of it. */
export interface Trial {
  readonly name: string;
  readonly fault: Fault;
  /** Whether the answer is asked for as a stream of events. */
  readonly stream: boolean;
  /** Whether a `:free` model is asked for. */
  readonly free: boolean;
  /** Whether the gateway sends white space to a client that waits for a document. */
  readonly keepalive: boolean;
  /** What the body has beside the model and the messages. */
  readonly extra: Readonly<Record<string, unknown>>;
  /** Whether it hits key checks (`GET /key`) instead of requests. */
  readonly onKeyCheck: boolean;
  /** How many requests it hits. */
  readonly times: number;
  readonly seen: Seen;
  /** What is set aside when the request is over; nothing: null. */
  readonly setAside: SetAside | null;
}

const SERVED: Seen = { kind: 'served' };
export const BROKEN_OFF: Seen = { kind: 'broken off' };

export type TrialOptions = Partial<Omit<Trial, 'name' | 'fault'>>;

export function trial(name: string, fault: Fault, options: TrialOptions = {}): Trial {
  const defaults = {
    stream: false,
    free: false,
    keepalive: false,
    extra: {},
    onKeyCheck: false,
    times: 1,
    seen: SERVED,
    setAside: null,
  };
  return { ...defaults, ...options, name, fault };
}

/** A refusal in OpenRouter's words. */
export const refusal = (family: ErrorFamily, options: TrialOptions, name: string = family) =>
  trial(name, { kind: 'refuse', family }, options);

export const passedOn = (status: number): TrialOptions => ({ seen: { kind: 'passed on', status } });
export const refused = (status: number): TrialOptions => ({ seen: { kind: 'refused', status } });
export const stream = true;
export const LASTS: TrialOptions = { times: Infinity };
