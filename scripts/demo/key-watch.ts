import { setTimeout as sleep } from 'node:timers/promises';
import { KmsError, type KeyView, type KmsClient } from '@openrouter-proxy/kms-protocol';

const LOOK_EVERY_MS = 200;

const secondsUntil = (until: number) => Math.ceil((until - Date.now()) / 1000);

/** What a key can do now: its own state, or else the limit of its account. */
function standing({ name, state, limits }: KeyView): { kind: string; words: string } {
  const limit = limits.find(({ scope }) => scope === 'account');
  switch (state.kind) {
    case 'cooling': {
      const words = `${name} cools for ${secondsUntil(state.until)} s: ${state.cause.detail.trim()}`;
      return { kind: state.kind, words };
    }
    case 'disabled':
      return { kind: state.kind, words: `${name} is disabled: ${state.cause.detail}` };
    case 'returning':
      return { kind: state.kind, words: `${name} returns, one probe request at a time` };
    case 'available': {
      if (limit === undefined) return { kind: state.kind, words: `${name} is back in service` };
      const { pool, until, cause } = limit;
      const why = cause.detail.trim() || cause.reason;
      const words = `${name} cools for ${secondsUntil(until)} s for ${pool} models: ${why}`;
      return { kind: `${limit.scope} ${pool}`, words };
    }
  }
}

/** Prints a line whenever a key's state changes, as an operator sees it; closes the connection at its end. */
export async function watchKeys(client: KmsClient, signal: AbortSignal): Promise<void> {
  const known = new Map<string, string>();
  while (!signal.aborted) {
    try {
      const { keys } = await client.call('keys.list', {}, { signal });
      for (const key of keys) {
        const before = known.get(key.keyId) ?? 'available';
        const { kind, words } = standing(key);
        known.set(key.keyId, kind);
        if (before !== kind) console.log(`          ▸ ${words}`);
      }
    } catch (error) {
      if (!KmsError.is(error, 'UNAVAILABLE')) throw error;
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined); // ends with the loop
  }
  await client.close();
}
