import type { IncomingHttpHeaders } from 'node:http';
import type { Lease } from '@openrouter-proxy/kms-protocol';
import { withOwnUrls, type UrlMap } from '../endpoints/answer-urls.ts';
import { boundObject, type BoundObject } from '../endpoints/bound-object.ts';
import { madeObjects } from '../endpoints/made-objects.ts';
import type { Route } from '../endpoints/match-endpoint.ts';
import type { ObjectOwners } from '../key-service/object-owners.ts';
import { accountFor, notFound, type AccountChoice } from './account-choice.ts';

/** What a request and its answers have to do with objects at OpenRouter. */
export interface RequestObjectsDeps {
  readonly owners: ObjectOwners;
  readonly route: Route | null;
  readonly method: string;
  readonly query: string;
  readonly urls: UrlMap;
}

/** Endpoints whose answers name objects, or URLs of them. */
const OF_OBJECTS: ReadonlySet<string> = new Set(['jobs', 'files', 'media']);

/** Parses a JSON object; null: it is none. */
function parsed(document: Buffer): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(document.toString('utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

/** The objects of one request: which account has the object it is about, and which objects its answer names. */
export class RequestObjects {
  readonly #deps: RequestObjectsDeps;
  #bound: BoundObject = { kind: 'none' };
  #isSearched = false;

  constructor(deps: RequestObjectsDeps) {
    this.#deps = deps;
  }

  /** Chooses the account of a client's request. `member` reads a member of its body. */
  async chooseAccount(
    client: string | null,
    member: (name: string) => unknown,
  ): Promise<AccountChoice> {
    const { route, query, owners } = this.#deps;
    if (route === null) return { kind: 'any' };
    const bound = boundObject(route, new URLSearchParams(query), member);
    if (bound.kind === 'missing') return { kind: 'refused', error: notFound() };
    if (bound.kind === 'none' || bound.object === 'preset') return { kind: 'any' };
    this.#bound = bound;
    const owner = await owners.find(bound.object, bound.id);
    const choice = accountFor(owner, { client, access: bound.access });
    this.#isSearched = choice.kind === 'search';
    return choice;
  }

  /** What is done with a whole JSON answer before its client gets it; null: nothing. */
  preparation(
    client: string | null,
    lease: Lease | null,
  ): ((document: Buffer, headers: IncomingHttpHeaders) => Promise<Buffer>) | null {
    const { route, owners, urls } = this.#deps;
    if (route === null || !OF_OBJECTS.has(route.endpoint.class)) return null;
    return async (document, headers) => {
      if (client !== null && lease !== null) {
        const { leaseId } = lease;
        const made = madeObjects(route.endpoint, headers, parsed(document)).flatMap(
          ({ kind, id }) => (kind === 'preset' ? [] : [{ kind, id, leaseId, client }]),
        );
        await owners.remember(made);
      }
      return withOwnUrls(document, urls);
    };
  }

  /** The client has the answer: an object that was searched for has an owner now, a deleted one has none. */
  async answered(client: string | null, lease: Lease | null): Promise<void> {
    const bound = this.#bound;
    if (bound.kind !== 'object' || bound.object === 'preset' || lease === null) return;
    const { owners, method, route } = this.#deps;
    const { object: kind, id } = bound;
    const isWhole = route?.endpoint.pattern.endsWith('}') === true;
    if (method === 'DELETE' && isWhole) owners.forget(kind, id);
    else if (this.#isSearched && client !== null) {
      await owners.remember([{ kind, id, leaseId: lease.leaseId, client }]);
    }
  }
}
