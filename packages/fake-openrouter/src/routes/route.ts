import type { ErrorAnswer } from '../errors/error-answer.ts';
import type { FilePart } from '../objects/stored-file.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { FakeState } from '../state/fake-state.ts';
import type { Key } from '../accounts/key.ts';

/** What a route answers. The sender applies the faults. */
export type Reply =
  | { json: object; status?: number; headers?: Record<string, string> }
  | { bytes: Buffer | FilePart; type: string; headers?: Record<string, string> }
  | { events: readonly object[]; headers?: Record<string, string> }
  | { error: ErrorAnswer }
  | { empty: true };

/** A request as a route sees it. */
export interface Call {
  exchange: Exchange;
  state: FakeState;
  now: number;
  parameters: Readonly<Record<string, string>>;
}

/** A request under a key. */
export interface KeyedCall extends Call {
  key: Key;
}

/** Who may call: `anybody`, an ordinary `key`, a `management` key. `either`: any key. */
export type Route =
  | { needs: 'anybody'; method: string; pattern: string; answer: (call: Call) => Answer }
  | {
      needs: 'key' | 'management' | 'either';
      method: string;
      pattern: string;
      answer: (call: KeyedCall) => Answer;
    };

type Answer = Reply | Promise<Reply>;

type Keyed = Extract<Route, { needs: 'key' | 'management' | 'either' }>;

/** Routes with the same need, by `METHOD /pattern`. */
export function routesFor(
  needs: Keyed['needs'],
  answers: Readonly<Record<string, Keyed['answer']>>,
): Route[] {
  return Object.entries(answers).map(([operation, answer]) => {
    const [method = '', pattern = ''] = operation.split(' ');
    return { needs, method, pattern, answer };
  });
}

/** Routes for anybody, by `METHOD /pattern`. */
export function publicRoutes(
  answers: Readonly<Record<string, Extract<Route, { needs: 'anybody' }>['answer']>>,
): Route[] {
  return Object.entries(answers).map(([operation, answer]) => {
    const [method = '', pattern = ''] = operation.split(' ');
    return { needs: 'anybody', method, pattern, answer };
  });
}
