import * as z from 'zod';
import { healthCause } from './health.ts';

/**
 * Every failure of the protocol. -32700 to -32603 are JSON-RPC's own (specification, section 5.1);
 * -32001 to -32099 are this server's; the positive ones are answers of the key service itself.
 */
export const ERROR_CODE = {
  PARSE_ERROR: -32700,
  INVALID_REQUEST: -32600,
  METHOD_NOT_FOUND: -32601,
  INVALID_PARAMS: -32602,
  INTERNAL_ERROR: -32603,
  /** The token does not match the role, or the role may not call the method. */
  FORBIDDEN: -32001,
  /** The first message was not `session.hello`, or it named another protocol version. */
  HELLO_REQUIRED: -32002,
  /** Too many requests are under way on this connection. */
  TOO_MANY_IN_FLIGHT: -32003,
  /** The client's side: there is no connection, it broke, or the deadline passed. */
  UNAVAILABLE: -32004,
  /** No key can serve now; `data` says why and when to ask again. */
  NO_KEY_AVAILABLE: 1001,
  /** No such key; `data` names the nearest one. */
  UNKNOWN_KEY: 1002,
  /** The state store cannot be written: nothing was changed. */
  STORE_FAILED: 1003,
} as const;

/** The name of a failure. */
export type ErrorCode = keyof typeof ERROR_CODE;

/** The data of NO_KEY_AVAILABLE. */
export const noKeyData = z.strictObject({
  /**
   * `cooling`: every key is limited, for this model at least; `busy`: every usable key has as many
   * leases as it may; `exhausted`: each has been tried; `model_limited`: OpenRouter or its providers
   * have no room for this model; `upstream_blocked`: OpenRouter cannot be reached, or blocks this
   * address; `keys_refused`: it says of every key that it does not know it; `queue_full`: too many
   * requests wait already; `state_unavailable`: where the state is kept cannot be reached, and keys
   * are not lent without it; `account_absent`: no key of the account that must serve is configured.
   */
  reason: z.enum([
    'cooling',
    'busy',
    'disabled',
    'exhausted',
    'no_keys',
    'model_limited',
    'upstream_blocked',
    'keys_refused',
    'queue_full',
    'state_unavailable',
    'account_absent',
  ]),
  /** When a key may be free again, in milliseconds from now; null: waiting does not help. */
  retryAfterMs: z.int().nonnegative().nullable(),
  /** With `cooling`: why, where the same is true of every key; an outcome's name. */
  because: z.string().max(64).optional(),
  /** With `upstream_blocked`: what is known to be wrong on the way to OpenRouter. */
  upstream: healthCause.optional(),
});
export type NoKeyData = z.infer<typeof noKeyData>;

/** The data of UNKNOWN_KEY. */
export const unknownKeyData = z.strictObject({
  /** The id or name that looks most like what was asked for; null: nothing does. */
  nearest: z.string().max(300).nullable(),
});
export type UnknownKeyData = z.infer<typeof unknownKeyData>;

/** The data of each failure. Others have none. */
interface Data {
  NO_KEY_AVAILABLE: NoKeyData;
  UNKNOWN_KEY: UnknownKeyData;
}

/** The data of a failure; undefined for most. */
export type ErrorData<C extends ErrorCode = ErrorCode> = C extends keyof Data ? Data[C] : undefined;
