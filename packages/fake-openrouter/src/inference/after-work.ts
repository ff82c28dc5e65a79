import { answer } from '../errors/error-answer.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Fault } from '../faults/fault-rules.ts';
import { breakOff } from './stream-sender.ts';

/** Carries out a fault that begins when the work is done; false: the fault is another. */
export async function failAfterWork(
  exchange: Exchange,
  fault: Fault | undefined,
): Promise<boolean> {
  if (fault?.kind !== 'after-work') return false;
  if (typeof fault.then === 'string') await breakOff(exchange, fault.then);
  else exchange.answerError(answer({ message: 'Provider returned error', code: fault.then }));
  return true;
}
