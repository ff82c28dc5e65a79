import { keyIdOf, type Config } from '@openrouter-proxy/config';
import type { ReloadReport } from '@openrouter-proxy/kms-protocol';
import { Secret } from '@openrouter-proxy/runtime';

type Change = ReloadReport['changes'][number];
type Key = Config['openrouter']['keys'][number];
type Client = Config['server']['access_keys'][number];

/** Settings that a running gateway or key service cannot change. */
const FIXED: readonly string[] = [
  'server.host',
  'server.port',
  'server.workers',
  'server.log_format',
  'server.enable_system_metrics',
  'state',
  'state_dir',
  'kms.socket',
];

/** The differences between two configurations. */
export interface ConfigChanges {
  readonly changes: readonly Change[];
  /** Changed settings that take effect at the next start. */
  readonly needsRestart: readonly string[];
}

/** The new configuration with the fixed settings of the running one. */
export function withFixedSettings(before: Config, after: Config): Config {
  const { host, port, workers, log_format, enable_system_metrics } = before.server;
  return {
    ...after,
    server: { ...after.server, host, port, workers, log_format, enable_system_metrics },
    kms: before.kms,
    state: before.state,
    state_dir: before.state_dir,
  };
}

/** Compares two configurations. The result holds no secret. */
export function configChanges(before: Config, after: Config): ConfigChanges {
  const [old, now] = [settingsOf(before), settingsOf(after)];
  const differing = [...new Set([...old.keys(), ...now.keys()])].filter(
    (setting) => textOf(old.get(setting)) !== textOf(now.get(setting)),
  );
  const settings = differing
    .filter((setting) => !FIXED.includes(setting))
    .map((setting) => changeOf(setting, old.get(setting), now.get(setting)));
  return {
    changes: [
      ...keyChanges(before.openrouter.keys, after.openrouter.keys),
      ...clientChanges(before.server.access_keys, after.server.access_keys),
      ...settings,
    ],
    needsRestart: differing.filter((setting) => FIXED.includes(setting)),
  };
}

/** Every setting except keys and clients, by its path. */
function settingsOf({ server, openrouter, requestProxy, kms, state, state_dir }: Config) {
  const of = (section: string, values: object) =>
    Object.entries(values).map(
      ([name, value]) => [`${section}.${name}`, value as unknown] as const,
    );
  return new Map<string, unknown>([
    ...of('server', { ...server, access_keys: null }),
    ...of('openrouter', { ...openrouter, keys: null }),
    ['requestProxy', requestProxy],
    ...of('kms', kms),
    ['state', state],
    ['state_dir', state_dir],
  ]);
}

/** A text that is equal for equal values. It reveals secrets, so it is only compared. */
const textOf = (value: unknown) => JSON.stringify(revealed(value));

function revealed(value: unknown): unknown {
  if (value instanceof Secret) return value.reveal();
  if (Array.isArray(value)) return value.map(revealed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, revealed(part)]));
}

function changeOf(setting: string, before: unknown, after: unknown): Change {
  const isSecret = [before, after].some(holdsSecret);
  const detail = isSecret ? 'another secret' : `${shown(before)} → ${shown(after)}`;
  return { setting, change: 'changed', detail };
}

function holdsSecret(value: unknown): boolean {
  if (value instanceof Secret) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsSecret);
}

const MAX_SHOWN = 80;

function shown(value: unknown): string {
  const text = textOf(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

const settingOf = ({ name }: Key) => `openrouter.keys.${name}`;

/** Matches keys by their secrets, since names and positions may change. */
function keyChanges(before: readonly Key[], after: readonly Key[]): Change[] {
  const bySecret = (keys: readonly Key[]) => new Map(keys.map((key) => [key.secret.reveal(), key]));
  const [old, now] = [bySecret(before), bySecret(after)];
  const removed = before.filter(({ secret }) => !now.has(secret.reveal()));
  const changed = after.map((key) => changeOfKey(old.get(key.secret.reveal()), key));
  return [
    ...removed.map((key): Change => ({
      ...{ setting: settingOf(key), change: 'removed', detail: keyIdOf(key.secret) },
    })),
    ...changed.filter((change) => change !== null),
  ];
}

function changeOfKey(before: Key | undefined, after: Key): Change | null {
  const setting = settingOf(after);
  if (before === undefined) return { setting, change: 'added', detail: keyIdOf(after.secret) };
  const detail = keyDetail(before, after);
  return detail === null ? null : { setting, change: 'changed', detail };
}

/** The differences in a key's entry, with the key's id; null if there are none. */
function keyDetail(before: Key, after: Key): string | null {
  const id = keyIdOf(after.secret);
  const isRenamed = before.name !== after.name;
  const differing = [
    ...(isRenamed ? [`${before.name} is called ${after.name} now`] : []),
    ...differenceIn('account', before.account, after.account),
    ...differenceIn('max_concurrency', before.maxConcurrency, after.maxConcurrency),
  ];
  if (differing.length === 0) return null;
  return `${isRenamed ? id : `${after.name} (${id})`}: ${differing.join(', ')}`;
}

/** Matches clients by their names. */
function clientChanges(before: readonly Client[], after: readonly Client[]): Change[] {
  const byName = (clients: readonly Client[]) =>
    new Map(clients.map((client) => [client.name, client]));
  const [old, now] = [byName(before), byName(after)];
  const setting = ({ name }: Client) => `server.access_keys.${name}`;
  const removed = before.filter(({ name }) => !now.has(name));
  return [
    ...removed.map((client): Change => ({
      ...{ setting: setting(client), change: 'removed', detail: '' },
    })),
    ...after.flatMap((client): Change[] => {
      const known = old.get(client.name);
      if (known === undefined) return [{ setting: setting(client), change: 'added', detail: '' }];
      const detail = clientDetail(known, client);
      return detail === '' ? [] : [{ setting: setting(client), change: 'changed', detail }];
    }),
  ];
}

/** The differences in a client's entry; empty if there are none. */
function clientDetail(before: Client, after: Client): string {
  const [old, now] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  const differing = [...new Set([...old.keys(), ...now.keys()])].filter(
    (field) => textOf(old.get(field)) !== textOf(now.get(field)),
  );
  const details = differing.map((field) => {
    const values: unknown[] = [old.get(field), now.get(field)];
    if (values.some(holdsSecret)) return 'another secret';
    return `${field} ${values.map((value) => shown(value ?? null)).join(' → ')}`;
  });
  return [...new Set(details)].join(', ');
}

const differenceIn = (setting: string, before: unknown, after: unknown) =>
  before === after ? [] : [`${setting} ${shown(before)} → ${shown(after)}`];
