import type { KeyLane, KeySpan } from '@openrouter-proxy/kms-protocol';

/** How far back it reaches, and how much of a key is remembered. */
const MAX_AGE_MS = 12 * 3_600_000;
const MAX_SPANS = 200;
/** Of how many keys. */
const MAX_KEYS = 1_000;

/** How a key stands from a moment on. */
export interface Standing {
  readonly kind: KeySpan['kind'];
  readonly from: number;
  /** When it ends by itself; null: not by itself. */
  readonly until: number | null;
  readonly why: string;
}

/** How the keys stood over the last hours. */
export class KeyHistory {
  readonly #lanes = new Map<string, Standing[]>();

  /** Whether anything is known of a key. */
  knows(keyId: string): boolean {
    return this.#lanes.has(keyId);
  }

  /** Takes in that a key stands otherwise. */
  add(keyId: string, standing: Standing): void {
    const lane = this.#lanes.get(keyId);
    if (lane === undefined) {
      if (this.#lanes.size < MAX_KEYS) this.#lanes.set(keyId, [standing]);
      return;
    }
    const last = lane.at(-1);
    // Nothing passes in no time.
    if (last !== undefined && last.from >= standing.from) lane.pop();
    lane.push(standing);
    while (lane.length > MAX_SPANS || (lane[1]?.from ?? Infinity) < standing.from - MAX_AGE_MS) {
      lane.shift();
    }
  }

  /** The spans since an instant, of the keys that are asked for. */
  lanes(keyIds: readonly string[], since: number, now: number): KeyLane[] {
    return keyIds.map((keyId) => ({
      keyId,
      spans: spansOf(this.#lanes.get(keyId) ?? [], now)
        .filter(({ to }) => to === null || to > since)
        .slice(-MAX_SPANS),
    }));
  }
}

/** Each span lasts until the next begins, or until it ends by itself: then the key serves. */
function spansOf(lane: readonly Standing[], now: number): KeySpan[] {
  return lane.flatMap(({ kind, from, until, why }, index): KeySpan[] => {
    const next = lane[index + 1]?.from ?? null;
    const end = Math.min(until ?? Infinity, next ?? Infinity);
    const isOver = end <= now;
    const span: KeySpan = { kind, from, to: isOver ? end : null, why };
    if (!isOver || end === next) return [span];
    return [span, { kind: 'serving', from: end, to: next, why: '' }];
  });
}
