import type * as z from 'zod';
import {
  ERROR_CODE,
  noKeyData,
  unknownKeyData,
  type ErrorCode,
  type ErrorData,
} from './error-code.ts';

/** An error as JSON-RPC 2.0 writes it (specification, section 5.1). */
export interface JsonRpcError {
  code: number;
  message: string;
  data?: unknown;
}

/** What the constructor wants beside code and message: `data` exactly where the code has some. */
type Details<C extends ErrorCode> =
  undefined extends ErrorData<C>
    ? [details?: { cause?: unknown }]
    : [details: { data: ErrorData<C>; cause?: unknown }];

const NAME_OF = new Map<number, ErrorCode>(
  // `Object.entries` forgets the literal keys of the table it is given.
  (Object.entries(ERROR_CODE) as [ErrorCode, number][]).map(([name, code]) => [code, name]),
);

/** Every failure of the key service and of the way to it. Tell them apart by `code`, never by words. */
export class KmsError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'KmsError';
  readonly code: C;
  readonly data: ErrorData<C>;

  constructor(code: C, message: string, ...[details]: Details<C>) {
    super(message, details && 'cause' in details ? { cause: details.cause } : {});
    this.code = code;
    // `Details` makes `data` present exactly when the code has some.
    this.data = (details && 'data' in details ? details.data : undefined) as ErrorData<C>;
  }

  /** Whether something caught is this failure; narrows `data` to the code's. */
  static is<C extends ErrorCode>(error: unknown, code: C): error is KmsError<C> {
    return error instanceof KmsError && error.code === code;
  }

  /** Anything caught as a KmsError. What is not one becomes INTERNAL_ERROR: its words stay in `cause`. */
  static from(error: unknown): KmsError {
    // `instanceof` tells nothing of type parameters.
    if (error instanceof KmsError) return error as KmsError;
    return new KmsError('INTERNAL_ERROR', 'The key service failed to answer: see its log.', {
      cause: error,
    });
  }

  /** Reads an error object of the wire. One this protocol does not know becomes INTERNAL_ERROR. */
  static fromJsonRpc(error: JsonRpcError): KmsError {
    const code = NAME_OF.get(error.code);
    if (code === undefined) {
      return new KmsError('INTERNAL_ERROR', `Unknown error ${error.code}: ${error.message}`);
    }
    switch (code) {
      case 'NO_KEY_AVAILABLE': {
        const data = noKeyData.safeParse(error.data);
        return data.success ? new KmsError(code, error.message, data) : malformed(code, data.error);
      }
      case 'UNKNOWN_KEY': {
        const data = unknownKeyData.safeParse(error.data);
        return data.success ? new KmsError(code, error.message, data) : malformed(code, data.error);
      }
      default:
        return new KmsError(code, error.message);
    }
  }

  /** This failure as an error object of the wire; `cause` stays at home. */
  toJsonRpc(): JsonRpcError {
    const error = { code: ERROR_CODE[this.code], message: this.message };
    return this.data === undefined ? error : { ...error, data: this.data };
  }
}

function malformed(code: ErrorCode, cause: z.ZodError): KmsError {
  return new KmsError('INTERNAL_ERROR', `The service sent ${code} without its data.`, { cause });
}
