import { accessKeyEntry, serverSection } from '../schema/server-section.ts';
import { openrouterSection } from '../schema/openrouter-section.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { valueAt } from '../values/value-path.ts';

/**
 * Problems between values that are valid one by one. It reads the raw value and skips parts that the
 * schema refuses, so that these problems are reported together with the schema's.
 */
export const crossCheck = (value: unknown): Diagnostic[] => [
  ...rateDelays(valueAt(value, 'openrouter')),
  ...accessKeys(valueAt(value, 'server')),
  ...managementKey(valueAt(value, 'openrouter')),
];

function rateDelays(section: unknown): Diagnostic[] {
  const { google_rate_delay, global_rate_delay } = openrouterSection.shape;
  const [one, other] = [
    valueAt(section, 'google_rate_delay'),
    valueAt(section, 'global_rate_delay'),
  ];
  if (one === undefined || other === undefined) return [];
  const [delay, sameDelay] = [google_rate_delay.safeParse(one), global_rate_delay.safeParse(other)];
  if (!delay.success || !sameDelay.success || delay.data === sameDelay.data) return [];
  const text = 'is another name of `google_rate_delay`, which has another value: keep one of them';
  return [{ path: ['openrouter', 'global_rate_delay'], text }];
}

/** Administration needs a key of its own: one of the pool would serve models too. */
function managementKey(section: unknown): Diagnostic[] {
  const { administration, management_key, keys } = openrouterSection.shape;
  const isAllowed = administration.safeParse(valueAt(section, 'administration')).data === 'allow';
  const key = management_key.safeParse(valueAt(section, 'management_key') ?? null);
  if (!key.success) return [];
  const path = ['openrouter', 'management_key'];
  if (key.data === null) {
    const text = 'must be set for `openrouter.administration: allow`';
    return isAllowed ? [{ path, text }] : [];
  }
  const secret = key.data.reveal();
  const pool = keys.safeParse(valueAt(section, 'keys')).data ?? [];
  const isPooled = pool.some((entry) => entry.key?.reveal() === secret);
  return isPooled ? [{ path, text: 'must not be one of `openrouter.keys`' }] : [];
}

function accessKeys(section: unknown): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const single = serverSection.shape.access_key.safeParse(valueAt(section, 'access_key')).data;
  const list = valueAt(section, 'access_keys');
  const names = new Map([['default', 'server.access_key']]);
  const keys = new Map(single === undefined ? [] : [[single.reveal(), 'server.access_key']]);
  for (const [index, value] of (Array.isArray(list) ? list : []).entries()) {
    const { data: entry } = accessKeyEntry.safeParse(value);
    if (entry === undefined) continue;
    const path = ['server', 'access_keys', index];
    const place = `server.access_keys[${index}]`;
    const [namesake, twin] = [names.get(entry.name), keys.get(entry.key.reveal())];
    if (namesake !== undefined) {
      const text = `\`${entry.name}\` is already the name of ${namesake}`;
      diagnostics.push({ path: [...path, 'name'], text });
    }
    if (twin !== undefined)
      diagnostics.push({ path: [...path, 'key'], text: `is the same as ${twin}` });
    names.set(entry.name, place);
    keys.set(entry.key.reveal(), place);
  }
  return diagnostics;
}
