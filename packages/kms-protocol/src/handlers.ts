import type * as z from 'zod';
import { contract, type Contract, type Method, type Result, type Role } from './contract.ts';
import { describeIssues } from './issues.ts';
import { KmsError } from './kms-error.ts';

/** The far side of a connection that has said its hello; the same object for as long as it lasts. */
export interface Session {
  /** Counts the sessions of a server, from 1. */
  readonly id: number;
  readonly role: Role;
}

/** The methods that have a handler: all but the one the server answers itself. */
export type HandledMethod = Exclude<Method, 'session.hello'>;

/** What a handler is given: the contract's parameters, checked. */
export type HandlerParams<M extends HandledMethod> = z.output<Contract[M]['params']>;

/** Carries out one method. It answers at once or later, and fails with a KmsError. */
export type Handler<M extends HandledMethod> = (
  params: HandlerParams<M>,
  session: Session,
) => Result<M> | Promise<Result<M>>;

/** One handler for every method of the contract. */
export type Handlers = { readonly [M in HandledMethod]: Handler<M> };

/** A handler behind the checks of its contract. */
export interface CheckedMethod {
  readonly name: HandledMethod;
  readonly roles: readonly Role[];
  /** Throws INVALID_PARAMS, and what the handler throws. */
  readonly run: (params: unknown, session: Session) => unknown;
}

/** The methods by name. A Map, because an object would also answer to `constructor` and its like. */
export function checkedMethods(handlers: Handlers): ReadonlyMap<string, CheckedMethod> {
  const names = Object.keys(contract).filter((name) => name !== 'session.hello');
  // The keys of `contract` are its methods; `Object.keys` calls them strings.
  return new Map((names as HandledMethod[]).map((name) => [name, checked(name, handlers[name])]));
}

function checked<M extends HandledMethod>(name: M, handler: Handler<M>): CheckedMethod {
  const { params: schema, roles } = contract[name];
  return {
    name,
    roles,
    run: (params, session) => {
      const parsed = schema.safeParse(params);
      if (!parsed.success) throw new KmsError('INVALID_PARAMS', describeIssues(parsed.error));
      // The schema is M's; TypeScript does not follow an index through a type parameter.
      return handler(parsed.data as HandlerParams<M>, session);
    },
  };
}
