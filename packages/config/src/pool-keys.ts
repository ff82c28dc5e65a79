import { resolve } from 'node:path';
import type { Secret } from '@openrouter-proxy/runtime';
import type { z } from 'zod';
import { oddityOf, readKey } from './key-text.ts';
import { keyEntry } from './openrouter-section.ts';
import type { Remark } from './problem.ts';
import type { Reading } from './setting.ts';
import { readSmallFile } from './small-file.ts';

const MAX_KEY_FILE_BYTES = 4096;
const SOURCES = ['key_file', 'key_env'] as const;

/** One upstream key. */
export interface UpstreamKey {
  readonly secret: Secret;
  /** What people call it; unique. */
  readonly name: string;
  /** The account it belongs to; null: not said. */
  readonly account: string | null;
  /** Requests at the same time; null means without limit. */
  readonly maxConcurrency: number | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What entries of `openrouter.keys` come to, and what there is to say about them. */
export interface ResolvedKeys {
  readonly keys: readonly UpstreamKey[];
  readonly problems: readonly Remark[];
  readonly warnings: readonly Remark[];
  /** The environment variables that entries name. */
  readonly variables: readonly string[];
}

type Entry = z.output<typeof keyEntry>;

interface LocatedKey {
  readonly index: number;
  readonly entry: Entry;
  readonly reading: Reading<Secret>;
}

/**
 * Finds the key of each entry; entries that the schema refuses are passed over. Relative paths start
 * from `folder`.
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
    located.push({ index, entry, reading: await findSecret(entry, env, folder) });
  }
  return gather(located);
}

/** Leaves out keys that stand twice, and gives those without a name one after their position. */
function gather(located: readonly LocatedKey[]): ResolvedKeys {
  const problems: Remark[] = [];
  const warnings: Remark[] = [];
  const keys = new Map<string, { index: number; key: UpstreamKey }>();
  const names = new Map<string, number>();
  for (const { index, entry, reading } of located) {
    const path = ['openrouter', 'keys', index];
    if ('problem' in reading) {
      const source = SOURCES.filter((name) => name in entry);
      problems.push({ path: [...path, ...source], text: reading.problem });
      continue;
    }
    const secret = reading.value;
    const twin = keys.get(secret.reveal());
    if (twin !== undefined) {
      const text = `is left out: it is the same key as openrouter.keys[${twin.index}]`;
      warnings.push({ path, text });
      continue;
    }
    const oddity = oddityOf(secret);
    if (oddity !== null) warnings.push({ path, text: oddity });
    const name = entry.name ?? `key-${index + 1}`;
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

async function findSecret(
  { key, key_file, key_env }: Entry,
  env: Environment,
  folder: string,
): Promise<Reading<Secret>> {
  if (key !== undefined) return { value: key };
  if (key_env !== undefined) {
    const text = env[key_env];
    if (text === undefined) return { problem: `the variable ${key_env} is not set` };
    return aboutHolder(key_env, readKey(text));
  }
  const path = resolve(folder, key_file ?? '');
  const reading = await readSmallFile(path, MAX_KEY_FILE_BYTES);
  if (reading.kind !== 'text') return { problem: `${path} ${reading.reason}` };
  return aboutHolder(path, readKey(reading.text));
}

const aboutHolder = (holder: string, reading: Reading<Secret>): Reading<Secret> =>
  'problem' in reading ? { problem: `what ${holder} holds ${reading.problem}` } : reading;
