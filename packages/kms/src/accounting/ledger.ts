import { DAY_MS } from '@openrouter-proxy/runtime';
import type {
  Api,
  LeaseView,
  LedgerStep,
  LeftOut,
  NoKeyData,
  Outcome,
  RequestSummary,
  RequestFilter,
  RequestView,
  Usage,
} from '@openrouter-proxy/kms-protocol';
import { fitting } from './view-size.ts';
import { passes } from './request-filter.ts';

/** The number and age of remembered requests. */
const MAX_REQUESTS = 5_000;
const MAX_AGE_MS = DAY_MS;
/** The most remembered steps of one request. */
const MAX_STEPS = 100;
/** The most effects and excluded keys of one step. */
const MAX_FOLLOWED = 8;
const MAX_LEFT_OUT = 16;
/** The most characters of an effect, as in the protocol. */
const MAX_EFFECT = 300;
/** Bytes of JSON: a larger request is shown with fewer details, a larger page ends early. */
const MAX_REQUEST_BYTES = 300_000;
const MAX_PAGE_BYTES = 600_000;

/** A request for a key. */
export interface RequestInfo {
  readonly requestId: string;
  /** The gateway's unique id of the request. Left out: the client's id is used. */
  readonly internalId?: string | undefined;
  readonly client: string | null;
  readonly api: Api;
  readonly model: string | null;
}

/** The keys that a request could choose from. */
export interface Choices {
  /** The number of keys that could serve. */
  readonly candidates: number;
  /** The first excluded keys, and the number of all. */
  readonly leftOut: readonly LeftOut[];
  readonly leftOutCount: number;
}

type Attempt = Extract<LedgerStep, { kind: 'attempt' }>;

interface Entry {
  /** Its number in the order of arrival, used by pages. */
  readonly place: number;
  readonly info: RequestInfo & { readonly internalId: string };
  readonly at: number;
  readonly steps: LedgerStep[];
  end: RequestSummary | null;
}

/** The choices of a step, cut to the protocol's bounds. */
const choicesOf = ({ candidates, leftOut, leftOutCount }: Choices) => ({
  candidates,
  leftOut: leftOut.slice(0, MAX_LEFT_OUT),
  leftOutCount,
});

/** Remembers the last requests and the reasons for their results. Bounded in number and age. */
export class Ledger {
  /** The oldest first. */
  readonly #entries = new Map<string, Entry>();
  #nextPlace = 1;
  readonly #underWay = new Map<string, { readonly step: Attempt; readonly info: RequestInfo }>();

  /** Records an allocated lease. */
  chosen(
    info: RequestInfo,
    lease: { leaseId: string; keyId: string; keyName: string },
    choice: Choices & { rule: string },
    now: number,
  ): void {
    const { leaseId, keyId, keyName } = lease;
    const step: Attempt = {
      kind: 'attempt',
      at: now,
      ...choicesOf(choice),
      keyId,
      keyName,
      rule: choice.rule,
      endedAt: null,
      outcome: null,
      status: null,
      detail: '',
      usage: null,
      followed: [],
    };
    if (this.#add(info, step, now)) this.#underWay.set(leaseId, { step, info });
  }

  /** Records a refusal. */
  refused(info: RequestInfo, { reason, retryAfterMs }: NoKeyData, choices: Choices, now: number) {
    this.#add(info, { kind: 'refused', at: now, ...choicesOf(choices), reason, retryAfterMs }, now);
  }

  /** Records the result of a lease, with its effects. */
  ended(
    leaseId: string,
    outcome: Outcome,
    usage: Usage | null | undefined,
    followed: readonly string[],
    now: number,
  ): void {
    const step = this.#underWay.get(leaseId)?.step;
    if (step === undefined) return;
    this.#underWay.delete(leaseId);
    step.endedAt = now;
    step.outcome = outcome.kind;
    step.status = 'status' in outcome ? outcome.status : null;
    step.detail = 'detail' in outcome ? outcome.detail : '';
    step.usage = usage ?? null;
    step.followed = followed.slice(0, MAX_FOLLOWED).map((effect) => effect.slice(0, MAX_EFFECT));
  }

  /** Records a finished request, also one without a lease. Returns false if it is known already. */
  record(end: RequestSummary, now: number): boolean {
    const { requestId, internalId = requestId, client, api, model } = end;
    if (this.#entries.get(internalId)?.end?.at === end.at) return false;
    this.#open({ requestId, internalId, client, api, model }, now).end = end;
    return true;
  }

  /** The last key that served a request; undefined without one. */
  keyOf({ requestId, internalId = requestId }: Pick<RequestSummary, 'requestId' | 'internalId'>) {
    const step = this.#entries.get(internalId)?.steps.findLast(({ kind }) => kind === 'attempt');
    return step?.kind === 'attempt' ? step.keyId : undefined;
  }

  /** The request with this id of the gateway, else the latest one with this id of a client. */
  get(id: string): RequestView | null {
    const entry = this.#entries.get(id) ?? this.#called(id)[0];
    return entry === undefined ? null : viewOf(entry);
  }

  /** The latest request of each other client that has the same id. */
  namesakes({ requestId, client }: RequestView): RequestView[] {
    const latest = new Map<string | null, Entry>();
    for (const entry of this.#called(requestId)) {
      if (!latest.has(entry.info.client)) latest.set(entry.info.client, entry);
    }
    latest.delete(client);
    return [...latest.values()].map(viewOf);
  }

  /** The requests with this id of a client, the latest first. */
  #called(requestId: string): Entry[] {
    return [...this.#entries.values()].filter(({ info }) => info.requestId === requestId).reverse();
  }

  /** A page of the requests that pass a filter, the latest first. `before` continues a page. */
  recent(
    limit: number,
    filter: RequestFilter = {},
    before = Infinity,
  ): { requests: RequestView[]; next: number | null } {
    const requests: RequestView[] = [];
    let length = 0;
    for (const entry of [...this.#entries.values()].reverse()) {
      if (entry.place >= before || !passes(entry, filter)) continue;
      const view = viewOf(entry);
      length += Buffer.byteLength(JSON.stringify(view));
      const isFull = requests.length > 0 && length > MAX_PAGE_BYTES;
      if (requests.length >= limit || isFull) return { requests, next: before };
      requests.push(view);
      before = entry.place;
    }
    return { requests, next: null };
  }

  /** The running leases, the oldest first, and their number. */
  leases(limit: number): { leases: LeaseView[]; total: number } {
    const leases = [...this.#underWay.values().take(limit)].map(({ step, info }) => ({
      ...{ keyId: step.keyId, keyName: step.keyName, since: step.at },
      ...{ requestId: info.requestId, client: info.client, api: info.api, model: info.model },
    }));
    return { leases, total: this.#underWay.size };
  }

  #add(info: RequestInfo, step: LedgerStep, now: number): boolean {
    const { steps } = this.#open(info, now);
    if (steps.length >= MAX_STEPS) return false;
    steps.push(step);
    return true;
  }

  #open(info: RequestInfo, now: number): Entry {
    const { requestId, internalId = requestId, client, api, model } = info;
    const known = this.#entries.get(internalId);
    // Without an id of the gateway, a finished request with the same id is another request.
    if (known?.end === null) return known;
    const about = { requestId, internalId, client, api, model };
    const place = this.#nextPlace++;
    const entry: Entry = { place, info: about, at: now, steps: [], end: null };
    this.#entries.delete(internalId);
    this.#entries.set(internalId, entry);
    this.#forget(now);
    return entry;
  }

  #forget(now: number): void {
    for (const [internalId, { at }] of this.#entries) {
      if (this.#entries.size <= MAX_REQUESTS && now - at < MAX_AGE_MS) break;
      this.#entries.delete(internalId);
    }
    // Leases without a report.
    for (const [leaseId, { step }] of this.#underWay) {
      if (this.#underWay.size <= MAX_REQUESTS && now - step.at < MAX_AGE_MS) break;
      this.#underWay.delete(leaseId);
    }
  }
}

/** The view of a request, with as many details as fit. */
function viewOf({ info, at, steps, end }: Entry): RequestView {
  const { internalId, ...about } = info;
  const id = internalId === info.requestId ? {} : { internalId };
  const head = { ...about, ...id, at, end };
  return fitting(
    MAX_LEFT_OUT,
    (details) => ({ ...head, steps: steps.map((step) => withDetails(step, details)) }),
    MAX_REQUEST_BYTES,
  );
}

function withDetails(step: LedgerStep, count: number): LedgerStep {
  const leftOut = step.leftOut.slice(0, count);
  if (step.kind === 'refused') return { ...step, leftOut };
  return { ...step, leftOut, followed: step.followed.slice(0, count) };
}
