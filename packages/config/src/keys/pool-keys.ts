import { resolve } from 'node:path';
import type { Secret } from '@openrouter-proxy/runtime';
import * as z from 'zod';
import { readKeyList } from '../values/key-list.ts';
import { keyWarning, readKey } from '../values/key-text.ts';
import { keyEntry } from '../schema/openrouter-section.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { name as nameSetting } from '../schema/server-section.ts';
import type { Reading } from '../values/reading.ts';
import { secretCodec } from '../schema/setting-output.ts';
import { readSmallFile } from '../files/small-file.ts';

const MAX_KEY_FILE_BYTES = 4096;
const SOURCES = ['key_file', 'key_env'] as const;

/** One upstream key. */
export const upstreamKey = z.strictObject({
  secret: secretCodec,
  /** Unique. */
  name: z.string(),
  /** The account it is said to belong to; null: not said. */
  account: z.string().nullable(),
  /** Requests at the same time; null means without limit. */
  maxConcurrency: z.int().positive().nullable(),
});

/** One upstream key, as it is configured. */
export type UpstreamKey = Readonly<z.output<typeof upstreamKey>>;

type Environment = Readonly<Record<string, string | undefined>>;

/** The keys that entries of `openrouter.keys` refer to, with problems and warnings. */
export interface ResolvedKeys {
  readonly keys: readonly UpstreamKey[];
  readonly problems: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
  /** The environment variables that entries name. */
  readonly variables: readonly string[];
}

type Entry = z.output<typeof keyEntry>;

/** The key that an entry refers to; `name` is null if the file or variable gives it none. */
interface FoundKey {
  /** The file with the key, if every user of the machine can read it. */
  readonly openFile?: string;
  readonly secret: Secret;
  readonly name: string | null;
}

interface LocatedKey {
  readonly index: number;
  readonly entry: Entry;
  readonly reading: Reading<FoundKey>;
}

/**
 * Finds the key of each entry. It skips entries that the schema refuses. Relative paths start from
 * `folder`.
 */
export async function resolveKeys(
  entries: readonly unknown[],
  env: Environment,
  folder: string,
): Promise<ResolvedKeys> {
  const located: LocatedKey[] = [];
  for (const [index, value] of entries.entries()) {
    const { data: entry } = keyEntry.safeParse(value);
    if (entry === undefined) continue;
    located.push({ index, entry, reading: await findKey(entry, env, folder) });
  }
  return gather(located);
}

/** Drops duplicate keys, and names keys without a name after their position. */
function gather(located: readonly LocatedKey[]): ResolvedKeys {
  const problems: Diagnostic[] = [];
  const warnings: Diagnostic[] = [];
  const keys = new Map<string, { index: number; key: UpstreamKey }>();
  const names = new Map<string, number>();
  for (const { index, entry, reading } of located) {
    const path = ['openrouter', 'keys', index];
    if ('problem' in reading) {
      const source = SOURCES.filter((name) => name in entry);
      problems.push({ path: [...path, ...source], text: reading.problem });
      continue;
    }
    const { secret, openFile } = reading.value;
    if (openFile !== undefined) {
      const text = `every user of this machine can read ${openFile}: run \`chmod 600 ${openFile}\``;
      warnings.push({ path: [...path, 'key_file'], text });
    }
    const twin = keys.get(secret.reveal());
    if (twin !== undefined) {
      const text = `is left out: it is the same key as openrouter.keys[${twin.index}]`;
      warnings.push({ path, text });
      continue;
    }
    const warning = keyWarning(secret);
    if (warning !== null) warnings.push({ path, text: warning });
    const name = entry.name ?? reading.value.name ?? `key-${index + 1}`;
    const namesake = names.get(name);
    if (namesake !== undefined) {
      const text = `\`${name}\` is already the name of openrouter.keys[${namesake}]`;
      problems.push({ path: [...path, 'name'], text });
    }
    names.set(name, index);
    const { account = null, max_concurrency: maxConcurrency } = entry;
    const key = { secret, name, account, maxConcurrency };
    keys.set(secret.reveal(), { index, key });
  }
  const variables = located.flatMap(({ entry }) => entry.key_env ?? []);
  return { keys: [...keys.values()].map(({ key }) => key), problems, warnings, variables };
}

async function findKey(
  { key, key_file, key_env }: Entry,
  env: Environment,
  folder: string,
): Promise<Reading<FoundKey>> {
  if (key !== undefined) return { value: { secret: key, name: null } };
  if (key_env !== undefined) {
    const text = env[key_env];
    if (text === undefined) return { problem: `the variable ${key_env} is not set` };
    return readHolder(key_env, text);
  }
  const path = resolve(folder, key_file ?? '');
  const reading = await readSmallFile(path, MAX_KEY_FILE_BYTES);
  if (reading.kind !== 'text') return { problem: `${path} ${reading.reason}` };
  const found = readHolder(path, reading.text);
  if ('problem' in found || !reading.isOpenToAll) return found;
  return { value: { ...found.value, openFile: path } };
}

/** Reads the one key that a file or a variable holds, with its name if it has one there. */
function readHolder(holder: string, text: string): Reading<FoundKey> {
  const [listed, second] = readKeyList(text);
  if (second !== undefined) {
    return { problem: `${holder} holds more than one key: give each key an entry of its own` };
  }
  const secret = readKey(listed?.key);
  if ('problem' in secret) {
    const isLine = listed?.place.startsWith('line') === true;
    const subject = isLine ? `${listed.place} of ${holder}` : `what ${holder} holds`;
    return { problem: `${subject} ${secret.problem}` };
  }
  if (listed?.name == null) return { value: { secret: secret.value, name: null } };
  const name = keyName.safeParse(listed.name);
  if (name.success) return { value: { secret: secret.value, name: name.data } };
  const [issue] = name.error.issues;
  return { problem: `the name in ${holder} ${issue?.message ?? 'cannot be used'}` };
}

const keyName = nameSetting();
