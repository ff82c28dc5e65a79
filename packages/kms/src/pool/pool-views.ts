import {
  healthStatement,
  MAX_MACHINES,
  type KeyState,
  type KeyView,
  type LimitView,
  type Result,
} from '@openrouter-proxy/kms-protocol';
import { standingOf } from '@openrouter-proxy/kms-protocol/key-standing';
import type { Clock } from '@openrouter-proxy/runtime';
import { currentWindows, type Allowances } from '../accounts/accounts.ts';
import { evidenceOf } from '../circuits/circuit-breaker.ts';
import type { Circuits, TrippedCircuit } from '../circuits/circuits.ts';
import type { Contacts } from '../health/contacts.ts';
import { upstreamCause, type HealthFacts } from '../health/causes.ts';
import { keyHealth } from '../health/key-health.ts';
import { wayToOpenRouter } from '../health/way-to-openrouter.ts';
import type { KeyRecords, PoolKey } from '../keys/key-records.ts';
import { concernsKey, type Limit, type Subject } from '../limits/limit.ts';
import type { LimitRegistry } from '../limits/limit-registry.ts';
import type { KeyStatus } from '../accounting/key-status.ts';
import type { KeyHistory } from '../accounting/key-history.ts';
import type { SpendingWatch } from '../usage/spending-watch.ts';
import type { UsageTotals } from '../usage/usage-totals.ts';
import type { RequestPool } from '../limits/model-pool.ts';
import { blockersOf, purposeOf, type Blocker } from '../selection/blockers.ts';
import type { SharedRecords } from '../store/shared-records.ts';
import type { StateStore } from '../store/state-store.ts';

/** As many as fit into an answer of the protocol. */
const MAX_LIMITS = 100;
const MAX_LIMITS_OF_KEY = 32;
const MAX_SHARED_ACCOUNTS = 500;
const MAX_REASONS = 16;

/** What is looked at. */
export interface PoolViewsDeps {
  readonly keys: readonly PoolKey[];
  readonly records: KeyRecords;
  readonly contacts: Contacts;
  readonly limits: LimitRegistry;
  readonly circuits: Circuits;
  readonly allowances: Allowances;
  readonly shared: SharedRecords;
  readonly store: StateStore;
  readonly usage: UsageTotals;
  readonly spending: SpendingWatch;
  readonly history: KeyHistory;
  readonly clock: Clock;
}

/** The pool as operators see it: everything but the secrets. */
export class PoolViews {
  readonly #parts: PoolViewsDeps;

  constructor(parts: PoolViewsDeps) {
    this.#parts = parts;
  }

  /** One key. */
  async key(key: PoolKey): Promise<KeyView> {
    const { store, clock } = this.#parts;
    const now = clock.now();
    return this.#view(key, await store.inFlight(now), now);
  }

  /** These keys. */
  async keys(keys: readonly PoolKey[]): Promise<KeyView[]> {
    const { store, clock } = this.#parts;
    const now = clock.now();
    const inFlight = await store.inFlight(now);
    return Promise.all(keys.map((key) => this.#view(key, inFlight, now)));
  }

  /** Whether a key could serve a model (null: any paid one) now, and everything that speaks against it. */
  async whyNot(key: PoolKey, model: string | null): Promise<Result<'keys.whyNot'>> {
    const { store, clock } = this.#parts;
    const now = clock.now();
    const purpose = purposeOf(model);
    const obstacles = blockersOf(this.#parts, key, purpose, now);
    const view = await this.#view(key, await store.inFlight(now), now);
    const contact = contactReasons(view, now);
    const others = contact.length === 0 ? obstacles : obstacles.filter(isNoContact);
    const reasons = [...contact, ...others.map(reasonOf), ...fullness(view, purpose.pool)];
    const shown = reasons.slice(0, MAX_REASONS);
    return { canServe: reasons.length === 0, reasons: shown.map(shortened) };
  }

  /** The pool in figures, and its store. Tries to save what could not be saved before. */
  async status(): Promise<
    Omit<Result<'service.status'>, 'version' | 'startedAt' | 'process' | 'waiting' | 'health'>
  > {
    const { keys, store, records, shared, circuits, clock } = this.#parts;
    const [areKeysSaved, isSharedSaved] = [await records.retrySaves(), await shared.retrySaves()];
    const now = clock.now();
    const inFlight = await store.inFlight(now);
    const { nextReturn } = records.availability(now);
    const accounts = [...records.accounts()].filter(([, members]) => members.length > 1);
    return {
      keys: this.#counts(now),
      nextAvailableAt: nextReturn,
      leasesInFlight: keys.reduce((sum, { id }) => sum + (inFlight.get(id) ?? 0), 0),
      sharedAccounts: accounts.slice(0, MAX_SHARED_ACCOUNTS).map(([account, members]) => ({
        account,
        keys: members.map(({ name }) => name),
      })),
      limits: circuits
        .tripped(now)
        .filter(({ subject }) => subject.scope !== 'account')
        .map(circuitLimitView)
        .toSorted((a, b) => b.until - a.until)
        .slice(0, MAX_LIMITS),
      store: storeView(store, areKeysSaved && isSharedSaved),
    };
  }

  #counts(now: number): Result<'service.status'>['keys'] {
    const { keys, records } = this.#parts;
    const counts = { available: 0, cooling: 0, refused: 0, disabled: 0 };
    for (const key of keys) {
      const { kind } = records.of(key, now).state;
      if (this.#keyHealth(key, now).kind === 'refused') counts.refused += 1;
      else counts[kind === 'returning' ? 'available' : kind] += 1;
    }
    return counts;
  }

  /** What the pool tells of its health. */
  health(): Pick<HealthFacts, 'keys' | 'trouble' | 'clockError' | 'block' | 'wasContacted'> {
    const { keys, contacts, limits, clock } = this.#parts;
    const now = clock.now();
    const { clockError, lastAnswerAt } = contacts;
    return {
      keys: keys.map((key) => this.#keyHealth(key, now)),
      ...wayToOpenRouter(contacts, limits, now),
      clockError,
      wasContacted: lastAnswerAt !== null,
    };
  }

  #keyHealth(key: PoolKey, now: number) {
    const { records, contacts, limits } = this.#parts;
    const account = records.accountOf(key);
    const onAccount = (['all', 'free', 'paid'] as const).flatMap((pool) => {
      const subject: Subject = { scope: 'account', account, pool };
      return limits.on(subject, now) ?? [];
    });
    const { state } = records.of(key, now);
    return keyHealth({ name: key.name, state, check: contacts.of(key.id), limits: onAccount });
  }

  async #view(key: PoolKey, inFlight: ReadonlyMap<string, number>, now: number): Promise<KeyView> {
    const { records, contacts, limits, allowances, store, usage, spending, history } = this.#parts;
    const account = records.accountOf(key);
    const { state, traits } = records.of(key, now);
    const { minute, day } = currentWindows(account, allowances.of(account), now);
    const [usedInMinute = 0, usedInDay = 0] = await store.used([minute, day]);
    const concerning = limits
      .all(now)
      .filter(({ subject }) => concernsKey(subject, { id: key.id, account }));
    return {
      keyId: key.id,
      name: key.name,
      state,
      statusSince: statusSince(state, concerning, history.standing(key.id, now)),
      check: contacts.of(key.id),
      upstream: upstreamCause(wayToOpenRouter(contacts, limits, now)),
      inFlight: inFlight.get(key.id) ?? 0,
      maxConcurrency: key.maxConcurrency,
      account,
      freeRequests: {
        minute: { used: usedInMinute, limit: minute.limit, resetsAt: minute.endsAt },
        day: { used: usedInDay, limit: day.limit, resetsAt: day.endsAt },
      },
      limitRemaining: traits.limitRemaining,
      expiresAt: traits.expiresAt,
      today: usage.today(key.id, now),
      unexplainedCost: spending.of(key.id, now),
      limits: concerning.slice(0, MAX_LIMITS_OF_KEY).map(limitView),
    };
  }
}

/** Since when a key is serving, limited, cooling, … : limits are no part of its state. */
function statusSince(
  state: KeyState,
  limits: readonly Limit[],
  standing: KeyStatus | null,
): number {
  const isLimited = state.kind === 'available' && limits.length > 0;
  const own = state.kind === 'available' ? 'serving' : state.kind;
  if (standing?.kind === (isLimited ? 'limited' : own)) return standing.from;
  return isLimited ? Math.min(...limits.map(({ since }) => since)) : state.since;
}

function storeView(store: StateStore, isSaved: boolean): Result<'service.status'>['store'] {
  const { trouble, machines } = store.standing();
  return {
    backend: store.backend,
    healthy: isSaved && trouble === null,
    trouble: trouble ?? (isSaved ? null : 'the state store cannot be written'),
    machines: machines.toSorted((a, b) => b.lastSeenAt - a.lastSeenAt).slice(0, MAX_MACHINES),
  };
}

type Reason = Result<'keys.whyNot'>['reasons'][number];

/** As the protocol bounds it. */
const shortened = ({ what, until }: Reason): Reason => ({ what: what.slice(0, 400), until });

const reasonOf = ({ why, detail, until }: Blocker): Reason => ({
  what: detail === '' ? why : `${why}: ${detail}`,
  until,
});

/** What OpenRouter said last of the key, and what keeps every key from OpenRouter: no key serves then. */
function contactReasons({ state, check, upstream, limits }: KeyView, now: number): Reason[] {
  const reasons: Reason[] = [];
  if (check !== null && standingOf({ state, check, upstream, limits }) === 'refused') {
    const answer = `HTTP ${check.status ?? 401} ${check.detail}`.trim();
    reasons.push({ what: `OpenRouter refuses the key: ${answer}`, until: null });
  }
  if (upstream !== null) {
    const { sentence } = healthStatement(upstream, now);
    reasons.push({ what: sentence.replace(/\.$/, ''), until: null });
  }
  return reasons;
}

/** What the key or the way to OpenRouter is set aside for by the last contacts, which are told already. */
const TOLD_BY_CONTACT: readonly string[] = ['unauthorized', 'connection_failed', 'edge_blocked'];

const isNoContact = ({ reason }: Blocker) => !TOLD_BY_CONTACT.includes(reason);

/** What a key may do has been done: it has no room. */
function fullness(view: KeyView, pool: RequestPool): Reason[] {
  const { inFlight, maxConcurrency, state, freeRequests } = view;
  const reasons: Reason[] = [];
  if (maxConcurrency !== null && inFlight >= maxConcurrency) {
    reasons.push({ what: `${inFlight} requests under way, as many as it may have`, until: null });
  }
  if (state.kind === 'returning' && inFlight >= state.allowance) {
    reasons.push({ what: `returning: ${state.allowance} unproven at once`, until: null });
  }
  if (pool === 'paid') return reasons;
  for (const [name, { used, limit, resetsAt }] of Object.entries(freeRequests)) {
    if (limit === null || used < limit) continue;
    reasons.push({
      what: `${Math.min(used, limit)} of ${limit} free requests of the ${name} used`,
      until: resetsAt,
    });
  }
  return reasons;
}

/** A circuit that is not closed, as operators see it. */
function circuitLimitView({ subject, circuit, cause }: TrippedCircuit): LimitView {
  const { kind: state, since } = circuit;
  const until = circuit.kind === 'open' ? circuit.until : since;
  return {
    ...subjectView(subject),
    since,
    until,
    cause,
    circuit: { state, ...evidenceOf(circuit) },
  };
}

/** A limit as operators see it. */
export function limitView({ subject, since, until, cause, evidence }: Limit): LimitView {
  const view = { ...subjectView(subject), since, until, cause };
  if (evidence === undefined) return view;
  const { requests, clients } = evidence;
  return { ...view, circuit: { state: 'open', requests, clients: clients.length } };
}

/** What a limit is about, without the key or the account. */
export function subjectView(subject: Subject): Pick<LimitView, 'scope' | 'pool' | 'model'> {
  return {
    scope: subject.scope,
    pool: 'pool' in subject ? subject.pool : 'all',
    model: 'model' in subject ? subject.model : null,
  };
}
