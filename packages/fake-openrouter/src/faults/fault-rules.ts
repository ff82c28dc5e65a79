import type { ErrorFamily } from '../errors/error-families.ts';

/** Content codings of an answer. */
export type StreamCoding = 'gzip' | 'deflate' | 'br' | 'zstd';

/** How a key is written where it is echoed. */
export type KeyEncoding = 'plain' | 'upper' | 'base64' | 'percent' | 'json' | 'without prefix';

/** What goes wrong with a request. Times in milliseconds, `events` counts those with content. */
export type Fault =
  /** One of OpenRouter's own refusals. */
  | { kind: 'refuse'; family: ErrorFamily }
  /** The work is done and charged, but the client gets another answer, or none. A number is a status. */
  | { kind: 'after-work'; then: number | 'end' | 'reset' | 'stall' }
  /** Any answer. */
  | { kind: 'answer'; status: number; headers?: Record<string, string>; body?: string }
  /** The connection: silence, an orderly end, or a reset, before the head, after it, or within the stream. */
  | {
      kind: 'stall' | 'end' | 'reset';
      when: 'before-headers' | 'after-headers' | { events: number };
    }
  /** A pause before the head, with keep-alive comments, or between events. */
  | { kind: 'delay'; headersMs?: number; comments?: number; commentMs?: number; eventMs?: number }
  /** An error event in the API's own shape. `goesOn`: the other events follow it, in the same write. */
  | { kind: 'stream-error'; events: number; code?: number; message?: string; goesOn?: boolean }
  /** An event with so many bytes of content before the others: images come so, as base64 in one line. */
  | { kind: 'large-event'; bytes: number }
  /** So many bytes of comments before the answer, as fast as the client reads them. */
  | { kind: 'comments'; bytes: number }
  /** 200 with nothing but an error in it, or with one beside the choice. */
  | { kind: 'error-in-200'; where: 'body' | 'choice' }
  | { kind: 'empty' }
  /**
   * The document is cut after so many bytes (all if left out), once it is in this coding. `isLabelOnly`:
   * it is plain, and only says that it is coded.
   */
  | { kind: 'document'; bytes?: number; coding?: StreamCoding; isLabelOnly?: boolean }
  /** The head at once, then so many blank lines, then the document. */
  | { kind: 'blank-lines'; lines: number; everyMs: number }
  /** The answer holds the key that it was asked for with, in its document and in a header. */
  | { kind: 'echo'; encoding: KeyEncoding }
  /** The stream ends in order, but before `[DONE]` and the usage. */
  | { kind: 'no-done' }
  /**
   * The same events in other bytes: cut at odd places, within characters too; with other line ends; behind
   * a byte order mark; without the last blank line (`unended`); compressed.
   */
  | {
      kind: 'framing';
      chunkBytes?: number;
      lineEnd?: '\r\n' | '\r';
      mark?: boolean;
      unended?: boolean;
      coding?: StreamCoding;
    }
  /** The answer is as it should be, but its `Date` is so far ahead. */
  | { kind: 'date'; aheadMs: number }
  /** Bytes instead of HTTP. */
  | { kind: 'raw'; bytes: string };

/** Which requests a rule is for: all that is named must fit. */
export interface Match {
  /** The key's name. */
  key?: string;
  model?: string;
  /** The path behind /api/v1. */
  path?: string;
  method?: string;
  /** The x-request-id that the client sent. */
  requestId?: string;
  /** A text somewhere in the body. */
  contains?: string;
}

/** A rule: what happens to the requests it fits. */
export interface FaultRule {
  match?: Match;
  fault: Fault;
  /** How often it applies; default: always. */
  times?: number;
  /** How many fitting requests it lets pass first; default 0. */
  after?: number;
}

/** What a rule is held against. */
export type Candidate = { [Name in keyof Match]-?: string | undefined };

/** The rules in force. The first that fits decides. */
export class FaultRules {
  #rules: (FaultRule & { seen: number })[] = [];

  /** Replaces all rules. */
  set(rules: readonly FaultRule[]): void {
    this.#rules = rules.map((rule) => ({ ...rule, seen: 0 }));
  }

  /** Adds a rule behind the others. */
  add(rule: FaultRule): void {
    this.#rules.push({ ...rule, seen: 0 });
  }

  list(): readonly FaultRule[] {
    return this.#rules;
  }

  /** The fault of a request, which counts as seen. */
  find(candidate: Candidate): Fault | undefined {
    for (const rule of this.#rules) {
      const { match = {}, times = Infinity, after = 0 } = rule;
      const { contains = '', ...equal } = match;
      const fits = Object.entries(equal).every(
        ([name, value]) => candidate[name as keyof Match] === value,
      );
      if (!fits || !(candidate.contains ?? '').includes(contains)) continue;
      rule.seen += 1;
      if (rule.seen > after && rule.seen <= after + times) return rule.fault;
    }
    return undefined;
  }
}
