import * as z from 'zod';
import { keyLane, poolEvent, trafficPoint } from './history.ts';
import { instant } from './instant.ts';
import { keyId, keyView } from './key-view.ts';
import {
  api,
  internalId,
  leaseView,
  model,
  requestSummary,
  requestId,
  requestView,
} from './ledger.ts';
import { metricFamily } from './metric-family.ts';
import { outcome } from './outcome.ts';
import { objectMethods } from './object-methods.ts';
import { requestPage, requestQuery } from './recent-requests.ts';
import { reloadReport } from './reload.ts';
import { serviceStatus } from './service-status.ts';
import { usageQuery, usageReport, usageTold } from './usage.ts';

/** The version both sides must name in their first message. */
export const PROTOCOL_VERSION = 1;

/** Who may call: the gateway leases and reports, an operator does everything but see secrets. */
export const role = z.enum(['gateway', 'operator']);
export type Role = z.infer<typeof role>;

/** `<key id>.<generation>.<random>`: says whose it is, also to a KMS that was started after it was given. */
const leaseId = z.string().regex(/^[0-9a-f]{12}\.\d{1,15}\.[\w-]{22}$/, 'must be a lease id');

const shortText = z.string().min(1).max(300);

const lease = z.strictObject({
  leaseId,
  keyId,
  keyName: z.string(),
  /** The account the key belongs to. */
  account: z.string(),
  /** The key has yet to prove itself: say so with `lease.confirm` when OpenRouter has taken the request. */
  probe: z.boolean(),
  /** How long the request waited for a key, in milliseconds. */
  queuedMs: z.int().nonnegative(),
  /** The key itself. A lease is the only place where it leaves the KMS. */
  secret: z.string(),
  /** When the lease ends by itself if nobody reports on it. */
  expiresAt: instant,
});
export type Lease = z.infer<typeof lease>;

/** A lease its holder still uses, as named in a hello. */
const heldLease = z.strictObject({ leaseId, expiresAt: instant });
export type HeldLease = z.infer<typeof heldLease>;

/** The most leases a hello may name: as many as fit in one line. */
export const MAX_HELD_LEASES = 10_000;

const nothing = z.strictObject({}).optional();
const pong = z.strictObject({ pong: z.literal(true) });
const managementKey = z.strictObject({ secret: z.string().nullable() });

const byKey = z.strictObject({ keyId });

/** The longest a request may wait for a key, and an inspector for something to inspect. */
const MAX_WAIT_MS = 3_600_000;

/** Who may look: looking changes nothing, and shows no secret. */
const READERS = ['gateway', 'operator'] as const;

/** As many as fit in one line. */
export const MAX_LISTED_KEYS = 500;
export const MAX_RECORDED = 500;
const MAX_LANES = 200;
export const MAX_LISTED_LEASES = 500;
const MAX_TRAFFIC_POINTS = 1_000;
const MAX_EVENTS = 500;

/** Figures of OpenRouter's that cannot be right are left out, so that they cost nothing but themselves. */
const amount = z.number().nullable().catch(null);

/** What `GET /key` told of a key and its account (OpenRouter docs, "Limits"). Null: it did not say. */
const keyMetadata = z.strictObject({
  kind: z.literal('facts'),
  /** Whose the quota is: organization or user, and workspace. */
  owner: z.string().max(300).nullable().catch(null),
  /** Credits left under the key's own cap; null: no cap. */
  limitRemaining: amount,
  limitReset: z.enum(['daily', 'weekly', 'monthly']).nullable().catch(null),
  expiresAt: instant.nullable().catch(null),
  /** Requests to `:free` models of this UTC day, of the whole account. */
  freeRequests: z
    .strictObject({ limit: z.int().nonnegative(), used: z.int().nonnegative() })
    .nullable()
    .catch(null),
  /** Credits spent on this UTC day. */
  usageDaily: amount,
  /** It manages other keys, and serves no requests for models. */
  isManagement: z.boolean().catch(false),
  /** Credits left in the account (`GET /credits`); left out: not asked, or not told. */
  creditsLeft: amount.optional(),
});
export type KeyMetadata = z.infer<typeof keyMetadata>;

const keyCheckResult = z.discriminatedUnion('kind', [
  keyMetadata,
  /** There was no such answer: what came instead. */
  z.strictObject({ kind: z.literal('failed'), outcome }),
]);
export type KeyCheckResult = z.infer<typeof keyCheckResult>;

/**
 * Every method: parameters, result, and who may call it. Client and server are derived from this
 * table, so a method that is not here cannot be called and one that is must be handled.
 */
export const contract = {
  /**
   * The first message of a connection. A gateway names the leases it still uses: they stay in force
   * although the connection, or the KMS, that gave them is gone.
   */
  'session.hello': {
    params: z.strictObject({
      protocol: z.int(),
      role,
      token: z.string().max(128),
      leases: z.array(heldLease).max(MAX_HELD_LEASES).optional(),
    }),
    result: z.strictObject({ protocol: z.int(), version: z.string() }),
    roles: ['gateway', 'operator'],
  },
  /** Borrows the key that is to serve a request. Refused with NO_KEY_AVAILABLE when none can. */
  'lease.acquire': {
    params: z.strictObject({
      requestId,
      internalId,
      model: model.nullable(),
      api,
      /** Keys this request has tried already. */
      exclude: z.array(keyId).max(10_000).optional(),
      /** Keys whose account refused this request: no key of these accounts is leased. */
      excludeAccountsOf: z.array(keyId).max(10_000).optional(),
      /** The name of the client that asks. */
      client: z.string().max(128).optional(),
      /** Names the conversation the request belongs to: it stays with one account while that can serve. */
      affinity: z.string().max(64).optional(),
      /** The only account that can serve the request, by its name or by the name of one of its keys. */
      account: z.string().max(300).optional(),
      /** How long it may wait for a key, in milliseconds; not at all if left out. */
      waitMs: z.int().nonnegative().max(MAX_WAIT_MS).optional(),
      /** How long it may wait for a circuit breaker that may close at any moment, in milliseconds. */
      probeWaitMs: z.int().nonnegative().max(MAX_WAIT_MS).optional(),
    }),
    result: lease,
    roles: ['gateway'],
  },
  /** Takes a request out of the line in which it waits for a key: its acquire is refused at once. */
  'lease.cancel': {
    params: z.strictObject({ internalId: internalId.unwrap() }),
    result: z.strictObject({ cancelled: z.boolean() }),
    roles: ['gateway'],
  },
  /** Says that OpenRouter has taken the request of a lease, long before its answer ends. */
  'lease.confirm': {
    params: z.strictObject({ leaseId }),
    result: z.strictObject({ applied: z.boolean() }),
    roles: ['gateway'],
  },
  /** Says what came of a lease, and ends it. Saying it twice changes nothing; `applied` is false then. */
  'lease.report': {
    params: z.strictObject({
      leaseId,
      outcome,
      /** What the answer used. Null: something, and nobody says what; left out: nothing, or it is not counted. */
      usage: usageTold.optional(),
      /** Nothing reached OpenRouter: the free request that was booked is given back. */
      isUnsent: z.boolean().optional(),
    }),
    result: z.strictObject({ applied: z.boolean() }),
    roles: ['gateway'],
  },
  /** Tells of requests that are over, many at once. Saying it twice changes nothing. */
  'requests.record': {
    params: z.strictObject({
      /** Names this message: sent again, because its answer was lost, it changes nothing. */
      batch: z.string().min(1).max(64),
      /** One that cannot be read (null) is left out; the others count. */
      requests: z.array(requestSummary.nullable().catch(null)).max(MAX_RECORDED),
      /** API requests refused since the last call because their access key was missing or wrong. */
      unauthorized: z.int().nonnegative().optional(),
    }),
    result: z.strictObject({ leftOut: z.int().nonnegative() }),
    roles: ['gateway'],
  },
  /** Waits for a key that should be asked about with `GET /key`; null: there was none to the end. */
  'inspection.take': {
    params: z.strictObject({ waitMs: z.int().nonnegative().max(MAX_WAIT_MS) }),
    /** `asksCredits`: `GET /credits` is asked too, since a limit for want of credits is only guessed. */
    result: z.strictObject({ lease: lease.nullable(), asksCredits: z.boolean() }),
    roles: ['gateway'],
  },
  /** Says what `GET /key` told, and ends the lease it was asked under. */
  'inspection.report': {
    params: z.strictObject({
      leaseId,
      finding: keyCheckResult,
      /** How far the answer's `Date` is ahead of the gateway's clock, in milliseconds. */
      clockOffsetMs: z.int().optional(),
    }),
    result: z.strictObject({ applied: z.boolean() }),
    roles: ['gateway'],
  },
  ...objectMethods(leaseId),
  /** The keys in the configuration's order, a page at a time. */
  'keys.list': {
    params: z
      .strictObject({
        offset: z.int().nonnegative().optional(),
        limit: z.int().positive().max(MAX_LISTED_KEYS).optional(),
      })
      .optional(),
    result: z.strictObject({ keys: z.array(keyView).max(MAX_LISTED_KEYS), total: z.int() }),
    roles: READERS,
  },
  'keys.get': { params: byKey, result: keyView, roles: ['operator'] },
  /** Takes a key out of use until it is enabled again. */
  'keys.disable': {
    params: z.strictObject({ keyId, reason: shortText }),
    result: keyView,
    roles: ['operator'],
  },
  'keys.enable': { params: byKey, result: keyView, roles: ['operator'] },
  /** Sets a key aside for a time. */
  'keys.cool': {
    params: z.strictObject({
      keyId,
      forMs: z
        .int()
        .positive()
        .max(366 * 86_400_000),
      reason: shortText,
    }),
    result: keyView,
    roles: ['operator'],
  },
  'keys.uncool': { params: byKey, result: keyView, roles: ['operator'] },
  /** Whether a key could serve a model now, and everything that speaks against it. */
  'keys.whyNot': {
    params: z.strictObject({ keyId, model: model.nullable() }),
    result: z.strictObject({
      canServe: z.boolean(),
      reasons: z
        .array(z.strictObject({ what: z.string().max(400), until: instant.nullable() }))
        .max(16),
    }),
    roles: READERS,
  },
  /** The leases of requests that are under way, the oldest first. */
  'leases.list': {
    params: nothing,
    result: z.strictObject({ leases: z.array(leaseView).max(MAX_LISTED_LEASES), total: z.int() }),
    roles: ['operator'],
  },
  /** How the keys stood over the last hours, those that were listed first. */
  'keys.history': {
    params: z.strictObject({ since: instant, limit: z.int().positive().max(MAX_LANES) }),
    result: z.strictObject({ lanes: z.array(keyLane).max(MAX_LANES) }),
    roles: READERS,
  },
  /** The remembered requests that a filter lets through, the latest first, a page at a time. */
  'requests.recent': { params: requestQuery, result: requestPage, roles: READERS },
  /** What became of a request, and why: `story` says it in words. Null: it is not remembered. */
  'requests.explain': {
    params: z.strictObject({ requestId }),
    result: z.strictObject({
      request: requestView.nullable(),
      story: z.array(z.string()),
    }),
    roles: READERS,
  },
  /** What was used since an instant's UTC day, told apart by one thing; the largest first, days in order. */
  'usage.query': { params: usageQuery, result: usageReport, roles: READERS },
  /**
   * What was asked and answered, in steps of time from the first with traffic to the running one. A
   * day is remembered; the steps are as short as `maxPoints` of them allow.
   */
  'traffic.query': {
    params: z.strictObject({
      since: instant,
      maxPoints: z.int().positive().max(MAX_TRAFFIC_POINTS).optional(),
    }),
    result: z.strictObject({
      stepMs: z.int().positive(),
      points: z.array(trafficPoint).max(MAX_TRAFFIC_POINTS),
    }),
    roles: READERS,
  },
  /** Waits for changes after the event `after`; `last` is what to name next time. Begins with `after: null`. */
  'events.subscribe': {
    params: z.strictObject({
      after: z.int().nonnegative().nullable(),
      waitMs: z.int().nonnegative().max(MAX_WAIT_MS),
    }),
    result: z.strictObject({ events: z.array(poolEvent).max(MAX_EVENTS), last: z.int() }),
    roles: READERS,
  },
  /** The service's own metrics, as the gateway shows them together with its own. */
  'metrics.read': {
    params: nothing,
    result: z.strictObject({ families: z.array(metricFamily) }),
    roles: READERS,
  },
  'service.status': {
    params: nothing,
    result: serviceStatus,
    roles: ['gateway', 'operator'],
  },
  /** Has the configuration read again, all of it or nothing; with `dryRun` says what that would change. */
  'service.reload': {
    params: z.strictObject({ dryRun: z.boolean().optional() }).optional(),
    result: reloadReport,
    roles: ['operator'],
  },
  /** The key for the administration of accounts; null: none is configured. It is never leased for inference. */
  'management.key': { params: nothing, result: managementKey, roles: ['gateway'] },
  'service.ping': { params: nothing, result: pong, roles: READERS },
} as const satisfies Record<
  string,
  { params: z.ZodType; result: z.ZodType; roles: readonly Role[] }
>;

/** The contract's type, from which both sides derive theirs. */
export type Contract = typeof contract;
/** The name of a method. */
export type Method = keyof Contract;
/** What a method takes. */
export type Params<M extends Method> = z.input<Contract[M]['params']>;
/** What a method gives. */
export type Result<M extends Method> = z.output<Contract[M]['result']>;
