import type { ConnectionProblem } from './outcome.ts';
import type { HealthCause, HealthCauseKind, HealthLevel } from './health.ts';

/*
 * The words of every surface about the causes of bad health. It imports types only, so that a
 * browser can load it.
 */

/** The words about one cause. */
interface HealthRow<Cause> {
  readonly severity: Exclude<HealthLevel, 'ok'>;
  /** One sentence: the cause, since when, and the other side's words. */
  words(cause: Cause, since: string): string;
  /** The next step for a person. */
  readonly action: string;
}

/** Writes an instant, as the surface does it. */
export type InstantInWords = (at: number, now: number) => string;

const minute = (at: number) => new Date(at).toISOString().slice(11, 16);

const twoDigits = (number: number) => String(number).padStart(2, '0');

/** `08:09` on this machine's clock; with the date if that is another day. */
export function localInWords(at: number, now: number): string {
  const date = new Date(at);
  const time = `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}`;
  if (date.toDateString() === new Date(now).toDateString()) return time;
  return `${date.getFullYear()}-${twoDigits(date.getMonth() + 1)}-${twoDigits(date.getDate())} ${time}`;
}

/** `06:09 UTC`; with the date if that is another day. */
export function utcInWords(at: number, now: number): string {
  const day = (instant: number) => new Date(instant).toISOString().slice(0, 10);
  return day(at) === day(now) ? `${minute(at)} UTC` : `${day(at)} ${minute(at)} UTC`;
}

const MAX_SAID = 160;

/** The other side's words in one line; of an HTML page its title. */
function brief(text: string): string {
  if (text.trimStart().startsWith('<')) {
    const title = /<title>([^<]{1,80})/i.exec(text)?.[1]?.trim();
    return title === undefined ? 'an HTML page' : `a page “${title}”`;
  }
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > MAX_SAID ? `${line.slice(0, MAX_SAID - 1)}…` : line;
}

const said = (text: string) => (text === '' ? '' : `: ${brief(text)}`);
const answered = (code: number | null, text: string) =>
  code === null ? said(text) : `: HTTP ${code}${text === '' ? '' : ` ${brief(text)}`}`;
const allOf = (keys: number) => (keys === 1 ? 'the only key' : `all ${keys} keys`);
const every = (keys: number) => (keys === 1 ? 'The only key is' : `All ${keys} keys are`);
const minutes = (ms: number) => `${Math.round(ms / 60_000)} minutes`;

function clockWords(offsetMs: number): string {
  const seconds = Math.round(Math.abs(offsetMs) / 1_000);
  const span =
    seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
  return `This machine's clock is ${span} ${offsetMs > 0 ? 'behind' : 'ahead of'} OpenRouter's`;
}

const FAILING = {
  words: ({ failed, total, windowMs }: { failed: number; total: number; windowMs: number }) =>
    `${failed} of ${total} requests failed in the last ${minutes(windowMs)}`,
  action: 'Look one up with `kms explain REQUEST_ID`; the log and the dashboard list them.',
};

const KEYS_REFUSED =
  'Check the keys at https://openrouter.ai/settings/keys and replace the refused ones. Then `kms reload` if they stand in the configuration or its key files; restart if they come from OPENROUTER_KEYS or a credential.';

const MANAGEMENT_KEYS =
  'Make an ordinary key at https://openrouter.ai/settings/keys, put it in its place in openrouter.keys, then `kms reload`.';

/** The one table of what can be wrong: each cause with what all surfaces say about it. */
export const HEALTH: {
  readonly [Kind in HealthCauseKind]: HealthRow<Extract<HealthCause, { kind: Kind }>>;
} = {
  key_service_away: {
    severity: 'critical',
    words: (_cause, since) => `The key service does not answer ${since}`,
    action: 'The launcher restarts it. If that does not help, its last log lines say why it ends.',
  },
  shutting_down: {
    severity: 'critical',
    words: (_cause, since) => `The gateway is shutting down ${since}`,
    action: 'Wait until it has ended, then start it again if that is wanted.',
  },
  no_keys: {
    severity: 'critical',
    words: () => 'No OpenRouter key is configured',
    action: 'Add one to openrouter.keys, then `kms reload`.',
  },
  unchecked: {
    severity: 'warning',
    words: (_cause, since) => `OpenRouter has not been asked about any key yet (${since})`,
    action: 'Wait 10 s. If it stays, the gateway does not run or cannot reach the key service.',
  },
  dns_failed: {
    severity: 'critical',
    words: ({ detail: text }, since) =>
      `OpenRouter's host name cannot be resolved ${since}${said(text)}`,
    action: 'Check the network, /etc/resolv.conf, and the host in openrouter.base_url.',
  },
  certificate_untrusted: {
    severity: 'critical',
    words: ({ detail: text }, since) =>
      `OpenRouter's certificate is not trusted ${since}${said(text)}`,
    action:
      'Something between here and OpenRouter intercepts TLS. Take it away, or trust its certificate with NODE_EXTRA_CA_CERTS.',
  },
  certificate_dates: {
    severity: 'critical',
    words: ({ detail: text }, since) =>
      `OpenRouter's certificate is expired or not yet valid by this machine's clock ${since}${said(text)}`,
    action: "Check this machine's date (`date -u`) and its time synchronisation.",
  },
  connection_failed: {
    severity: 'critical',
    words: ({ detail: text }, since) => `OpenRouter cannot be reached ${since}${said(text)}`,
    action: 'Check the network, the firewall, requestProxy and openrouter.base_url.',
  },
  upstream_failing: {
    severity: 'critical',
    words: ({ status: code, detail: text }, since) =>
      `OpenRouter fails ${since}${answered(code, text)}`,
    action: 'See https://status.openrouter.ai, and whether openrouter.base_url is OpenRouter’s.',
  },
  upstream_blocked: {
    severity: 'critical',
    words: ({ detail: text }, since) => `OpenRouter blocks this address ${since}${said(text)}`,
    action: 'Send less at once, or go out by another address (requestProxy).',
  },
  clock_wrong: {
    severity: 'warning',
    words: ({ offsetMs }, since) => `${clockWords(offsetMs)} ${since}`,
    action: 'Set the clock (`timedatectl set-ntp true`): ends of limits are computed from it.',
  },
  all_keys_refused: {
    severity: 'critical',
    words: ({ keys, status: code, detail: text }, since) =>
      `OpenRouter refuses ${allOf(keys)} ${since}${answered(code, text)}`,
    action: KEYS_REFUSED,
  },
  some_keys_refused: {
    severity: 'warning',
    words: ({ refused: some, keys, names, status: code, detail: text }, since) =>
      `OpenRouter refuses ${some} of ${keys} keys (${names.join(', ')}${some > names.length ? ', …' : ''}) ${since}${answered(code, text)}`,
    action: KEYS_REFUSED,
  },
  all_keys_management: {
    severity: 'critical',
    words: ({ keys }, since) =>
      `${keys === 1 ? 'The only key is a management key' : `All ${keys} keys are management keys`} ${since}: OpenRouter serves no requests under ${keys === 1 ? 'it' : 'them'}`,
    action: MANAGEMENT_KEYS,
  },
  management_keys: {
    severity: 'warning',
    words: ({ managing, keys, names }, since) =>
      `${managing} of ${keys} keys ${managing === 1 ? 'is a management key' : 'are management keys'} and cannot serve requests (${names.join(', ')}${managing > names.length ? ', …' : ''}) ${since}`,
    action: MANAGEMENT_KEYS,
  },
  all_keys_limited: {
    severity: 'critical',
    words: ({ keys }, since) =>
      (keys === 1 ? 'The only key in service is' : `All ${keys} keys in service are`) +
      ` limited ${since}`,
    action: 'Wait, or add keys of other accounts; `kms keys` says why each one is limited.',
  },
  models_limited: {
    severity: 'warning',
    words: ({ models }, since) => `No key can serve ${models} models ${since}`,
    action: 'Wait, or add keys of other accounts; `kms keys` says why each one is limited.',
  },
  all_keys_disabled: {
    severity: 'critical',
    words: ({ keys }, since) => `${every(keys)} disabled ${since}`,
    action: 'Enable one with `kms enable KEY`; `kms keys` says why each one is disabled.',
  },
  store_away: {
    severity: 'critical',
    words: ({ detail: text }, since) => `The state store cannot be reached ${since}${said(text)}`,
    action: 'Check that Redis runs and that state.redis.url leads to it.',
  },
  store_unwritable: {
    severity: 'critical',
    words: ({ detail: text }, since) => `The state of keys cannot be saved ${since}${said(text)}`,
    action: 'Make room on the disk of the state folder, and check its permissions.',
  },
  requests_failing: { severity: 'critical', ...FAILING },
  some_requests_failing: { severity: 'warning', ...FAILING },
  clients_refused: {
    severity: 'warning',
    words: ({ refused: some, unauthorized, total, windowMs }) =>
      `${some} of ${total} requests were refused in the last ${minutes(windowMs)}` +
      (unauthorized === 0 ? '' : `, ${unauthorized} for a missing or wrong access key`),
    action:
      'The log has the address of each, and its name where the access key was right: check its access key, model and request.',
  },
};

/** Every cause, in the order of the surfaces. */
export const HEALTH_CAUSES = Object.keys(HEALTH) as readonly HealthCauseKind[]; // a record's keys are its type's

/** A cause in words. */
export interface HealthStatement {
  readonly cause: HealthCauseKind;
  readonly severity: Exclude<HealthLevel, 'ok'>;
  readonly since: number;
  readonly sentence: string;
  readonly action: string;
}

/** A cause in words. */
export function healthStatement(
  cause: HealthCause,
  now: number,
  instantInWords: InstantInWords = utcInWords,
): HealthStatement {
  // The row is of the cause's own kind; TypeScript does not follow an index through a union.
  const row = HEALTH[cause.kind] as HealthRow<HealthCause>;
  const since = `since ${instantInWords(cause.since, now)}`;
  const until = 'until' in cause ? ` until ${instantInWords(cause.until, now)}` : '';
  return {
    cause: cause.kind,
    severity: row.severity,
    since: cause.since,
    sentence: `${row.words(cause, since)}${until}.`.replace(/\.\.$/, '.'),
    action: row.action,
  };
}

/** A cause with the other side's words, without time and full stop. */
export function causeWithoutTime(cause: HealthCause): string {
  const row = HEALTH[cause.kind] as HealthRow<HealthCause>;
  return row
    .words(cause, '')
    .replaceAll(/ +(?=:|$)/g, '')
    .replace(/\.$/, '');
}

/** The cause that keeps every key from OpenRouter, in short; null if there is none. */
export function faultInShort(causes: readonly HealthCause[]): string | null {
  const fault = causes.find(({ kind }) => UPSTREAM_FAULTS.includes(kind));
  return fault === undefined ? null : causeWithoutTime({ ...fault, detail: '' } as HealthCause);
}

/** The cause of a failed connection to OpenRouter. */
export function connectionCause(problem: ConnectionProblem | undefined): ConnectionCause {
  return problem === undefined ? 'connection_failed' : CAUSE_OF[problem];
}

type ConnectionCause = Extract<
  HealthCauseKind,
  'dns_failed' | 'certificate_untrusted' | 'certificate_dates' | 'connection_failed'
>;

const CAUSE_OF: Readonly<Record<ConnectionProblem, ConnectionCause>> = {
  dns: 'dns_failed',
  certificate: 'certificate_untrusted',
  certificate_dates: 'certificate_dates',
};

/** The causes between this machine and OpenRouter. */
export const UPSTREAM_FAULTS: readonly HealthCauseKind[] = [
  'dns_failed',
  'certificate_untrusted',
  'certificate_dates',
  'connection_failed',
  'upstream_failing',
  'upstream_blocked',
];

/** The worst severity among causes. */
export function healthLevelOf(causes: readonly Pick<HealthCause, 'kind'>[]): HealthLevel {
  if (causes.length === 0) return 'ok';
  return causes.some(({ kind }) => HEALTH[kind].severity === 'critical') ? 'critical' : 'warning';
}

/** Causes in words, critical ones first, else in the table's order. */
export function healthStatements(
  causes: readonly HealthCause[],
  now: number,
  instantInWords: InstantInWords = utcInWords,
): HealthStatement[] {
  return causes
    .map((cause) => healthStatement(cause, now, instantInWords))
    .toSorted(
      (a, b) =>
        Number(b.severity === 'critical') - Number(a.severity === 'critical') ||
        HEALTH_CAUSES.indexOf(a.cause) - HEALTH_CAUSES.indexOf(b.cause),
    );
}
