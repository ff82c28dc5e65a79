import type { KeyView } from '@openrouter-proxy/kms-protocol';
import type { Kms } from '../connection/connection.ts';
import { Failure } from '../connection/failure.ts';
import { quoted } from '../terminal/quoted.ts';

/** All keys of the pool. */
export async function allKeys(kms: Kms): Promise<KeyView[]> {
  const keys: KeyView[] = [];
  for (;;) {
    const page = await kms.call('keys.list', { offset: keys.length });
    keys.push(...page.keys);
    if (page.keys.length === 0 || keys.length >= page.total) return keys;
  }
}

const SHORTEST_PREFIX = 4;

/** Finds a key by its name, its id, or a prefix of its id. */
export async function findKey(kms: Kms, meant: string): Promise<KeyView> {
  const keys = await allKeys(kms);
  const exact = keys.find(({ keyId, name }) => name === meant || keyId === meant);
  if (exact !== undefined) return exact;
  const beginning =
    meant.length < SHORTEST_PREFIX ? [] : keys.filter(({ keyId }) => keyId.startsWith(meant));
  const [only] = beginning;
  if (only !== undefined && beginning.length === 1) return only;
  if (beginning.length > 1) {
    const names = beginning.map(({ keyId, name }) => `${name} (${keyId})`).join(', ');
    throw new Failure('refused', `Several keys begin with ${quoted(meant)}: ${names}.`);
  }
  const { nearest } = await import('@openrouter-proxy/config');
  const near = nearest(
    meant.slice(0, 100),
    keys.flatMap(({ keyId, name }) => [name, keyId]),
  );
  const hint = near === undefined ? 'See `kms keys`.' : `Did you mean ${near}?`;
  throw new Failure('refused', `There is no key ${quoted(meant)}. ${hint}`);
}
