import { newId, notFound } from '../objects/objects.ts';
import type { KeyedCall, Reply, Route } from '../routes/route.ts';
import { routesFor } from '../routes/route.ts';

/** A kind of thing that is administered: listed, made, changed and deleted under a management key. */
export interface Collection {
  kind: string;
  path: string;
  /** The name of the parameter that holds the id; default `id`. */
  parameter?: string;
  /** The document of a new one: what every one has, then what the request says. */
  make: (call: KeyedCall, created: { id: string; at: string }) => Record<string, unknown>;
  /** The answer of a deletion; default `{deleted: true}`. */
  deleted?: { json: object; status?: number };
  /** Whether one stands bare in its answer, and not under `data`. */
  isBare?: boolean;
  /** What a list has beside `data`; default the count. */
  listed?: () => object;
}

const iso = (ms: number) => new Date(ms).toISOString();

const given = ({ exchange }: KeyedCall) => exchange.json;

/** The ones of a collection that an account has, and one of them. */
function lookIn({ kind, parameter = 'id' }: Collection) {
  const all = ({ state, key }: KeyedCall) =>
    state.administered.of(key.account).filter((one) => one.kind === kind);
  const idOf = ({ parameters }: KeyedCall) => parameters[parameter];
  return {
    all,
    /** Answers about the one that is asked for, if there is one. */
    about: (answer: (document: Record<string, unknown>, call: KeyedCall) => Reply) => {
      return (call: KeyedCall): Reply => {
        const one = all(call).find(({ document }) => document['id'] === idOf(call));
        return one === undefined ? notFound(`${kind} ${idOf(call)}`) : answer(one.document, call);
      };
    },
  };
}

/** The routes of a collection. */
export function collectionRoutes(collection: Collection): Route[] {
  const { kind, path, parameter = 'id', make, isBare = false, listed } = collection;
  const { all, about } = lookIn(collection);
  const wrapped = (document: object) => (isBare ? document : { data: document });
  const item = `${path}/{${parameter}}`;
  return routesFor('management', {
    [`GET ${path}`]: (call) => {
      const data = all(call).map(({ document }) => document);
      return { json: { data, ...(listed?.() ?? { total_count: data.length }) } };
    },
    [`POST ${path}`]: (call) => {
      const id = newId(kind);
      const document = { ...make(call, { id, at: iso(call.now) }), ...given(call) };
      call.state.administered.add(id, call.key.account, { kind, document });
      call.state.creations.add(kind, id, call);
      return { json: wrapped(document), status: 201 };
    },
    [`GET ${item}`]: about((document) => ({ json: wrapped(document) })),
    [`PATCH ${item}`]: about((document, call) => {
      Object.assign(document, given(call), { updated_at: iso(call.now) });
      return { json: wrapped(document) };
    }),
    [`DELETE ${item}`]: about((document, call) => {
      call.state.administered.delete(String(document['id']));
      return collection.deleted ?? { json: { deleted: true } };
    }),
  });
}
