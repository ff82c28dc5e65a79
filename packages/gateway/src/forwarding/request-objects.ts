import type { IncomingHttpHeaders } from 'node:http';
import type { Lease } from '@openrouter-proxy/kms-protocol';
import { withOwnUrls } from '../endpoints/answer-urls.ts';
import { boundObject, type BoundObject } from '../endpoints/bound-object.ts';
import { madeObjects } from '../endpoints/made-objects.ts';
import type { RequestBody } from '../body/request-body.ts';
import type { RequestContext } from '../response/request-context.ts';
import type { ForwardDeps } from './forward-deps.ts';
import { accountFor, notFound, type AccountChoice } from './account-choice.ts';

/** What the objects of a request are looked up with. */
type RequestObjectsDeps = Pick<ForwardDeps, 'owners' | 'ownOrigin' | 'baseUrl' | 'settings'>;

/** Endpoints whose answers name objects, or URLs of them. */
const OF_OBJECTS: ReadonlySet<string> = new Set(['jobs', 'files']);

/** Parses a JSON object; null: it is none. */
function parsed(document: Buffer): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(document.toString('utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

/** The preset that a body names, as its model or as its member `preset` (OpenRouter docs, "Presets"). */
function presetIn(member: (name: string) => unknown): string | null {
  const [model, preset] = [member('model'), member('preset')];
  if (typeof preset === 'string') return preset;
  const named = typeof model === 'string' ? /^@preset\/([^/]+)$/.exec(model)?.[1] : undefined;
  return named ?? null;
}

/** The objects of one request: which account has the object it is about, and which objects its answer names. */
export class RequestObjects {
  readonly #deps: RequestObjectsDeps;
  readonly #context: RequestContext;
  readonly #query: string;
  #bound: BoundObject = { kind: 'none' };
  #isSearched = false;

  /** `query`: with its question mark; empty if there is none. */
  constructor(deps: RequestObjectsDeps, context: RequestContext, query: string) {
    this.#deps = deps;
    this.#context = context;
    this.#query = query;
  }

  get #client(): string | null {
    return this.#context.progress.known.client;
  }

  /** Chooses the account of a client's request. Waits for the whole body where it may name a preset. */
  async chooseAccount(body: Pick<RequestBody, 'member' | 'isRead'>): Promise<AccountChoice> {
    const { owners, settings } = this.#deps;
    const { route } = this.#context.identity;
    const hasPresets = Object.keys(settings.rules.presets).length > 0;
    if (route === null || (route.endpoint.binds === null && !hasPresets)) return { kind: 'any' };
    if (hasPresets) await body.isRead();
    const member = (name: string) => body.member(name);
    const bound = boundObject(route, new URLSearchParams(this.#query), member);
    if (bound.kind === 'missing') return { kind: 'refused', error: notFound() };
    if (bound.kind === 'none') return this.#accountOfPreset(presetIn(member));
    if (bound.object === 'preset') return this.#accountOfPreset(bound.id);
    this.#bound = bound;
    const owner = await owners.find(bound.object, bound.id);
    const choice = accountFor(owner, { client: this.#client, access: bound.access });
    this.#isSearched = choice.kind === 'search';
    return choice;
  }

  /** The account that holds a preset, where the settings name it. */
  #accountOfPreset(slug: string | null): AccountChoice {
    const { presets } = this.#deps.settings.rules;
    const account = slug !== null && Object.hasOwn(presets, slug) ? presets[slug] : undefined;
    return account === undefined ? { kind: 'any' } : { kind: 'pinned', account };
  }

  /** What is done with a whole JSON answer before its client gets it; null: nothing. */
  preparation(
    lease: Lease | null,
  ): ((document: Buffer, headers: IncomingHttpHeaders) => Promise<Buffer>) | null {
    const { owners, ownOrigin, baseUrl } = this.#deps;
    const { identity, request } = this.#context;
    const { route } = identity;
    const client = this.#client;
    if (route === null || !OF_OBJECTS.has(route.endpoint.class)) return null;
    return async (document, headers) => {
      if (client !== null && lease !== null) {
        const { leaseId } = lease;
        const made = madeObjects(route.endpoint, headers, parsed(document)).flatMap(
          ({ kind, id }) => (kind === 'preset' ? [] : [{ kind, id, leaseId, client }]),
        );
        await owners.remember(made);
      }
      const urls = { upstreamBase: baseUrl.href, ownOrigin: ownOrigin(request) };
      return withOwnUrls(document, urls);
    };
  }

  /** The client has the answer: an object that was searched for has an owner now, a deleted one has none. */
  async answered(lease: Lease | null): Promise<void> {
    const bound = this.#bound;
    if (bound.kind !== 'object' || bound.object === 'preset' || lease === null) return;
    const { owners } = this.#deps;
    const { method, route } = this.#context.identity;
    const client = this.#client;
    const { object: kind, id } = bound;
    const isWhole = route?.endpoint.pattern.endsWith('}') === true;
    if (method === 'DELETE' && isWhole) owners.forget(kind, id);
    else if (this.#isSearched && client !== null) {
      await owners.remember([{ kind, id, leaseId: lease.leaseId, client }]);
    }
  }
}
