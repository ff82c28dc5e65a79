import type { HealthCause } from '@openrouter-proxy/kms-protocol';
import type { RecentTraffic } from '../accounting/recent-traffic.ts';
import type { ClockError, Trouble } from './contacts.ts';
import type { KeyHealth } from './key-health.ts';

/** The fewest requests that say something about others. */
const FEWEST = { critical: 5, warning: 3 } as const;
const FAILED_SHARE = { critical: 0.5, warning: 0.1 } as const;
const REFUSED_SHARE = 0.1;
const MAX_NAMES = 5;

/** A failure of the state store. */
export interface StoreTrouble {
  readonly kind: 'store_away' | 'store_unwritable';
  readonly since: number;
  readonly detail: string;
}

/** The facts that health is judged by. */
export interface HealthFacts {
  readonly startedAt: number;
  readonly keys: readonly KeyHealth[];
  readonly trouble: Trouble | null;
  readonly clockError: ClockError | null;
  /** An active block of this address. */
  readonly block: { readonly since: number; readonly detail: string } | null;
  /** Whether any key was checked, or any request sent. */
  readonly wasContacted: boolean;
  readonly store: StoreTrouble | null;
  readonly traffic: RecentTraffic;
}

/** Every cause of bad health. Pure. */
export function healthCauses(facts: HealthFacts): HealthCause[] {
  return [
    ...contactCauses(facts),
    ...keyCauses(facts),
    ...(facts.store === null ? [] : [facts.store]),
    ...trafficCauses(facts.traffic),
  ];
}

/** The cause that keeps every key from OpenRouter; null if none is known. Pure. */
export function upstreamCause({
  trouble,
  block,
}: Pick<HealthFacts, 'trouble' | 'block'>): HealthCause | null {
  if (trouble !== null) {
    const { kind, since, status, detail } = trouble;
    return kind === 'upstream_failing' ? { kind, since, status, detail } : { kind, since, detail };
  }
  return block === null ? null : { kind: 'upstream_blocked', ...block };
}

function contactCauses(facts: HealthFacts): HealthCause[] {
  const { trouble, block, clockError, wasContacted, keys, startedAt: since } = facts;
  const causes: HealthCause[] = [];
  const upstream = upstreamCause(facts);
  if (upstream !== null) causes.push(upstream);
  if (block !== null && trouble !== null && trouble.kind !== 'upstream_blocked') {
    causes.push({ kind: 'upstream_blocked', ...block });
  }
  if (clockError !== null) causes.push({ kind: 'clock_wrong', ...clockError });
  if (!wasContacted && trouble === null && keys.length > 0)
    causes.push({ kind: 'unchecked', since });
  return causes;
}

function keyCauses({ keys, startedAt }: HealthFacts): HealthCause[] {
  if (keys.length === 0) return [{ kind: 'no_keys', since: startedAt }];
  const managing = keys.filter(({ kind }) => kind === 'management');
  const enabled = keys.filter(({ kind }) => kind !== 'disabled' && kind !== 'management');
  const since = Math.max(...keys.map((key) => key.since));
  if (managing.length === keys.length) {
    return [{ kind: 'all_keys_management', since, keys: keys.length }];
  }
  const causes = managementCauses(managing, keys.length);
  if (enabled.length === 0) {
    return [{ kind: 'all_keys_disabled', since, keys: keys.length }, ...causes];
  }
  const refused = enabled.filter((key) => key.kind === 'refused');
  causes.push(...refusedCauses(refused, enabled.length));
  const inService = enabled.filter((key) => key.kind === 'limited' || key.kind === 'serving');
  return inService.length === 0 ? causes : [...causes, ...limitedCauses(inService)];
}

function managementCauses(managing: readonly KeyHealth[], keys: number): HealthCause[] {
  if (managing.length === 0) return [];
  const since = Math.min(...managing.map((key) => key.since));
  const names = managing.slice(0, MAX_NAMES).map(({ name }) => name);
  return [{ kind: 'management_keys', since, managing: managing.length, keys, names }];
}

type Refused = Extract<KeyHealth, { kind: 'refused' }>;
type InService = Extract<KeyHealth, { kind: 'limited' | 'serving' }>;

function refusedCauses(refused: readonly Refused[], keys: number): HealthCause[] {
  const [first] = refused;
  if (first === undefined) return [];
  const { status, detail } = first;
  const since = refused.map((key) => key.since);
  const said = { refused: refused.length, keys, status, detail };
  if (refused.length === keys) {
    return [{ kind: 'all_keys_refused', since: Math.max(...since), ...said }];
  }
  const names = refused.slice(0, MAX_NAMES).map(({ name }) => name);
  return [{ kind: 'some_keys_refused', since: Math.min(...since), ...said, names }];
}

/** The causes for models that no key in service can serve. */
function limitedCauses(keys: readonly InService[]): HealthCause[] {
  const since = Math.max(...keys.map((key) => key.since));
  const freeAt = keys.map((key) => (key.kind === 'limited' ? key.free : 0));
  const paidAt = keys.map((key) => (key.kind === 'limited' ? key.paid : 0));
  const [noFree, noPaid] = [freeAt.every(Boolean), paidAt.every(Boolean)];
  if (keys.every((key) => key.kind === 'limited' && key.free > 0 && key.paid > 0)) {
    const until = Math.min(...freeAt, ...paidAt);
    return [{ kind: 'all_keys_limited', since, keys: keys.length, until }];
  }
  const causes: HealthCause[] = [];
  if (noFree) {
    causes.push({ kind: 'models_limited', since, models: 'free', until: Math.min(...freeAt) });
  }
  if (noPaid) {
    causes.push({ kind: 'models_limited', since, models: 'paid', until: Math.min(...paidAt) });
  }
  return causes;
}

/** The causes seen by clients. Mistakes of clients are no failure of the service. */
function trafficCauses(traffic: RecentTraffic): HealthCause[] {
  const { answered, failed, modelLimited, refused, unauthorized, windowMs } = traffic;
  const causes: HealthCause[] = [];
  const served = answered + failed;
  const isAtLeast = (severity: keyof typeof FEWEST, count: number) =>
    count >= FEWEST[severity] && count / served >= FAILED_SHARE[severity];
  if (traffic.failingSince !== null && isAtLeast('warning', failed)) {
    // A limit of one model leaves the others: it is only a warning.
    const isCritical = isAtLeast('critical', failed - modelLimited);
    const kind = isCritical ? 'requests_failing' : 'some_requests_failing';
    causes.push({ kind, since: traffic.failingSince, failed, total: served, windowMs });
  }
  const total = served + refused;
  const { refusedSince: since } = traffic;
  if (since !== null && refused >= FEWEST.warning && refused / total >= REFUSED_SHARE) {
    causes.push({ kind: 'clients_refused', since, refused, unauthorized, total, windowMs });
  }
  return causes;
}
