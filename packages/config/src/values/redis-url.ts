import { isAbsolute } from 'node:path';
import { Secret } from '@openrouter-proxy/runtime';
import * as z from 'zod';
import type { Reading } from './reading.ts';

/** The address of a Redis: a host and a port, or the path of a Unix socket. */
export type RedisAddress =
  { readonly host: string; readonly port: number } | { readonly path: string };

/** A parsed Redis URL. */
export interface RedisUrl {
  /** `sentinel`: the addresses are those of sentinels. */
  readonly kind: 'single' | 'sentinel' | 'cluster';
  readonly addresses: readonly RedisAddress[];
  /** The master's name at the sentinels; '' for the other kinds. */
  readonly master: string;
  readonly database: number;
  readonly username: string | null;
  readonly password: string | null;
  readonly isEncrypted: boolean;
  /** Options from the query. */
  readonly options: Options;
}

const FORMS =
  'must be redis://host:port/db, rediss://… (TLS), unix:///path, redis+sentinel://host:port,host:port/master/db or redis+cluster://host:port,host:port';

const WHOLE =
  /^(?<scheme>(?:redis|valkey)s?|unix)(?:\+(?<kind>sentinel|cluster))?:\/\/(?:(?<user>[^:@/?]*)(?::(?<password>[^@/?]*))?@)?(?<hosts>[^/?@]*)(?:\/(?<path>[^?]*))?(?:\?(?<query>.*))?$/;
const HOST = /^(?<host>\[[\da-fA-F:]+\]|[\w.-]+)(?::(?<port>\d{1,5}))?$/;

const file = z.string().refine(isAbsolute).optional();
const options = z.strictObject({
  /** The CA certificates, and the client certificate with its key. */
  ca_file: file,
  cert_file: file,
  key_file: file,
  /** Credentials for the sentinels. */
  sentinel_password: z.string().min(1).optional(),
});
type Options = z.output<typeof options>;

const OPTIONS =
  'may end in `?ca_file=`, `cert_file=` and `key_file=` with absolute paths, and `sentinel_password=`, and in nothing else';

/** Reads the URL of a Redis, a Sentinel or a Cluster; problems do not repeat it, since it may hold a password. */
export function readRedisUrl(value: unknown): Reading<RedisUrl> {
  if (typeof value !== 'string') return { problem: `is missing: it ${FORMS}` };
  const groups: Groups | undefined = WHOLE.exec(value)?.groups;
  if (groups === undefined || /\s/.test(value)) return { problem: FORMS };
  try {
    return readGroups(groups);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return { problem: 'has a `%` that begins no escape: write `%25` for a percent sign' };
  }
}

type Groups = Readonly<Record<string, string | undefined>>;

function readGroups(groups: Groups): Reading<RedisUrl> {
  const { scheme = '', user, password, query } = groups;
  const asked = options.safeParse(Object.fromEntries(new URLSearchParams(query)));
  if (!asked.success) return { problem: OPTIONS };
  const place = readPlace(groups);
  if (place === undefined) return { problem: FORMS };
  const isEncrypted = scheme.endsWith('ss') || scheme === 'valkeys';
  const problem = problemWithFiles(asked.data, isEncrypted) ?? problemWithPlace(place);
  if (problem !== undefined) return { problem };
  const credentials = { username: decoded(user), password: decoded(password) };
  const database = Number(place.database);
  return { value: { ...place, ...credentials, isEncrypted, database, options: asked.data } };
}

function problemWithFiles({ ca_file, cert_file, key_file }: Options, isEncrypted: boolean) {
  if ((cert_file === undefined) !== (key_file === undefined)) {
    return 'must name both `cert_file` and `key_file`, or neither';
  }
  if (isEncrypted || (ca_file ?? cert_file) === undefined) return undefined;
  return 'names certificates, and must begin with rediss:// for TLS';
}

function problemWithPlace({ kind, master, database }: Place): string | undefined {
  if (kind === 'sentinel' && master === '') {
    return 'must name the master: redis+sentinel://host:port,host:port/master';
  }
  if (!/^\d{0,4}$/.test(database)) return 'must name its database by a number';
  if (kind !== 'cluster' || Number(database) === 0) return undefined;
  return 'must not name a database: a cluster has only one';
}

type Place = Pick<RedisUrl, 'kind' | 'addresses' | 'master'> & { readonly database: string };

function readPlace({ scheme, kind, hosts = '', path = '' }: Groups): Place | undefined {
  switch (kind) {
    case 'sentinel': {
      const [master = '', database = '', ...rest] = partsOf(path);
      const addresses = readAddresses(hosts, 26_379);
      return addresses && rest.length === 0 ? { kind, addresses, master, database } : undefined;
    }
    case 'cluster':
      return placeOf(kind, readAddresses(hosts, 6379), path);
    default:
      if (scheme === 'unix') return hosts === '' ? readSocket(path) : undefined;
      return hosts.includes(',') ? undefined : placeOf('single', readAddresses(hosts, 6379), path);
  }
}

function placeOf(
  kind: RedisUrl['kind'],
  addresses: RedisAddress[] | undefined,
  path: string,
): Place | undefined {
  const [database = '', ...rest] = partsOf(path);
  if (addresses === undefined || rest.length > 0) return undefined;
  return { kind, addresses, master: '', database };
}

const partsOf = (path: string) => path.split('/').map(decodeURIComponent);

function readSocket(path: string): Place | undefined {
  if (path === '') return undefined;
  const addresses = [{ path: `/${decodeURIComponent(path)}` }];
  return { kind: 'single', addresses, master: '', database: '' };
}

/** All of them, or none. */
function readAddresses(hosts: string, defaultPort: number): RedisAddress[] | undefined {
  const texts = hosts.split(',');
  const addresses = texts.flatMap((text) => readAddress(text, defaultPort) ?? []);
  return addresses.length === texts.length ? addresses : undefined;
}

function readAddress(text: string, defaultPort: number): RedisAddress | undefined {
  const groups: Groups | undefined = HOST.exec(text)?.groups;
  const port = Number(groups?.['port'] ?? defaultPort);
  const host = groups?.['host'];
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  return { host: host.replaceAll(/[[\]]/g, ''), port };
}

const decoded = (text: string | undefined) =>
  text === undefined || text === '' ? null : decodeURIComponent(text);

/** Everything in a Redis URL that must not be printed, the URL among it. */
export function secretsInRedisUrl(url: Secret): Secret[] {
  const reading = readRedisUrl(url.reveal());
  if ('problem' in reading) return [url];
  const { password, options: asked } = reading.value;
  const texts = [password, asked.sentinel_password ?? null].filter((text) => text !== null);
  return [url, ...texts.map((text) => new Secret(text))];
}
