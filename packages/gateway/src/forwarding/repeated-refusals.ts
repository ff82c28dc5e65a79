import type { GatewayError } from '../errors/gateway-error.ts';
import { LONGEST_RETRY_AFTER_MS } from '../errors/retry-advice.ts';
import type { RequestContext } from '../response/request-context.ts';
import { endWithError, type RequestEnd } from '../request/request-end.ts';
import type { Progress, RequestIdentity } from '../request/request-progress.ts';

/** How often a request is told to come back later before it is refused firmly. */
const PATIENT_REFUSALS = 2;
/** Clients that repeat by themselves wait for a minute at most. */
const REMEMBERED_MS = 120_000;
/** The most requests that are remembered. One more, and the request that was quiet for longest is forgotten. */
export const MAX_REMEMBERED = 1_000;

/** What a repeated request is recognized by. */
export interface RefusedRequest
  extends Pick<RequestIdentity, 'address' | 'path'>, Pick<Progress, 'client' | 'model'> {
  readonly contentLength: string | undefined;
}

interface Entry {
  count: number;
  at: number;
}

const nameOf = ({ client, address, path, model, contentLength }: RefusedRequest) =>
  JSON.stringify([client, address, path, model, contentLength]);

/**
 * Remembers requests that were told to come back in more than a minute. Some programs repeat every 429 and
 * 5xx by themselves, whatever the answer says, and show nothing meanwhile. They do not repeat a 403,
 * whose request is not to be repeated automatically (RFC 9110, section 15.5.4).
 */
export class RepeatedRefusals {
  readonly #requests = new Map<string, Entry>();

  /** How many requests are remembered. */
  get size(): number {
    return this.#requests.size;
  }

  /** The error for the client: a firm one if the same request is refused again and again. */
  judge(failure: GatewayError, request: RefusedRequest, now: number): GatewayError {
    if ((failure.retryAfterMs ?? 0) <= LONGEST_RETRY_AFTER_MS) return failure;
    return this.#add(nameOf(request), now) > PATIENT_REFUSALS ? failure.firm() : failure;
  }

  /** Counts a refusal, and gives the count that has not been forgotten. */
  #add(name: string, now: number): number {
    const last = this.#requests.get(name);
    const isRecent = last !== undefined && Math.abs(now - last.at) < REMEMBERED_MS;
    const count = isRecent ? last.count + 1 : 1;
    this.#requests.delete(name); // a map keeps the order of insertion: the first was quiet for longest
    this.#requests.set(name, { count, at: now });
    const [quietest] = this.#requests.keys();
    if (this.#requests.size > MAX_REMEMBERED && quietest !== undefined) {
      this.#requests.delete(quietest);
    }
    return count;
  }
}

type Forward<Destination> = (
  context: RequestContext,
  destination: Destination,
) => Promise<RequestEnd>;

/** A forwarder that refuses firmly the requests that it has refused again and again. */
export function refusingRepeats<Destination>(
  forward: Forward<Destination>,
  now: () => number,
): Forward<Destination> {
  const refusals = new RepeatedRefusals();
  return async (context, destination) => {
    const end = await forward(context, destination);
    if (end.kind !== 'error') return end;
    const { address, path } = context.identity;
    const { client, model } = context.progress.known;
    const contentLength = context.request.headers['content-length'];
    const request = { address, path, client, model, contentLength };
    return endWithError(refusals.judge(end.error, request, now()));
  };
}
