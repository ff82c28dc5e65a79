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

/** How many requests are remembered, and for how long. */
const MAX_REQUESTS = 5_000;
const MAX_AGE_MS = DAY_MS;
/** Of one request; further ones are not remembered. */
const MAX_STEPS = 100;
/** Effects and left-out keys of one step. */
const MAX_FOLLOWED = 8;
const MAX_LEFT_OUT = 16;
/** Characters of an effect, as the protocol bounds it. */
const MAX_EFFECT = 300;
/** Bytes of JSON: a request with more is shown with fewer details, a page with more ends early. */
const MAX_REQUEST_BYTES = 300_000;
const MAX_PAGE_BYTES = 600_000;

/** Who asks for a key, and for what. */
export interface RequestInfo {
  readonly requestId: string;
  /** What the gateway calls the request: no other has the same. Left out: the request's id. */
  readonly internalId?: string | undefined;
  readonly client: string | null;
  readonly api: Api;
  readonly model: string | null;
}

/** What a choice was made from. */
export interface Choices {
  /** How many keys could serve. */
  readonly candidates: number;
  /** The first of the others, and how many those are. */
  readonly leftOut: readonly LeftOut[];
  readonly leftOutCount: number;
}

type Attempt = Extract<LedgerStep, { kind: 'attempt' }>;

interface Entry {
  /** Its place in the order of arrival, from which pages are counted. */
  readonly place: number;
  readonly info: RequestInfo & { readonly internalId: string };
  readonly at: number;
  readonly steps: LedgerStep[];
  end: RequestSummary | null;
}

/** What a step of the ledger is made of, as the protocol bounds it. */
const choicesOf = ({ candidates, leftOut, leftOutCount }: Choices) => ({
  candidates,
  leftOut: leftOut.slice(0, MAX_LEFT_OUT),
  leftOutCount,
});

/** Remembers what became of the last requests, and why: bounded in number and age. */
export class Ledger {
  /** The oldest first. */
  readonly #entries = new Map<string, Entry>();
  #nextPlace = 1;
  readonly #underWay = new Map<string, { readonly step: Attempt; readonly info: RequestInfo }>();

  /** A key was lent. */
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

  /** No key could be lent. */
  refused(info: RequestInfo, { reason, retryAfterMs }: NoKeyData, choices: Choices, now: number) {
    this.#add(info, { kind: 'refused', at: now, ...choicesOf(choices), reason, retryAfterMs }, now);
  }

  /** A lease has ended, which meant what `followed` says. */
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

  /** A gateway tells of a request that is over; one without a lease is remembered too. Whether it is news. */
  record(end: RequestSummary, now: number): boolean {
    const { requestId, internalId = requestId, client, api, model } = end;
    if (this.#entries.get(internalId)?.end?.at === end.at) return false;
    this.#open({ requestId, internalId, client, api, model }, now).end = end;
    return true;
  }

  /** The key that served a request last; undefined: none. */
  keyOf({ requestId, internalId = requestId }: Pick<RequestSummary, 'requestId' | 'internalId'>) {
    const step = this.#entries.get(internalId)?.steps.findLast(({ kind }) => kind === 'attempt');
    return step?.kind === 'attempt' ? step.keyId : undefined;
  }

  /** What is remembered of the request that the gateway calls so, else of the latest that its client calls so. */
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

  /** The requests that their clients call so, the latest first. */
  #called(requestId: string): Entry[] {
    return [...this.#entries.values()].filter(({ info }) => info.requestId === requestId).reverse();
  }

  /** A page of the requests that pass a filter, the latest first, those before a place only. */
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

  /** The leases that have not ended, the oldest first, and how many there are. */
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
    // Where the gateway has no id of its own: what ended under the client's before is another request.
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
    // Leases that nobody has reported on.
    for (const [leaseId, { step }] of this.#underWay) {
      if (this.#underWay.size <= MAX_REQUESTS && now - step.at < MAX_AGE_MS) break;
      this.#underWay.delete(leaseId);
    }
  }
}

/** A request as others see it, with as many left-out keys and effects of its steps as fit. */
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
