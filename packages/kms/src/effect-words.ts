import type { KeyState } from '@openrouter-proxy/kms-protocol';
import type { Limit, Subject } from './limit.ts';

const time = (instant: number) => `${new Date(instant).toISOString().slice(0, 19)}Z`;

/** What a limit is about, for a person. */
export function subjectWords(subject: Subject): string {
  switch (subject.scope) {
    case 'account': {
      const models = subject.pool === 'all' ? 'every model' : `${subject.pool} models`;
      return `account ${subject.account}, for ${models}`;
    }
    case 'key-model':
      return `${subject.model} on this key`;
    case 'account-model':
      return `${subject.model} on account ${subject.account}`;
    case 'model':
      return `model ${subject.model}`;
    case 'upstream':
      return 'the way to OpenRouter';
  }
}

/** What has become of a limited thing, for a person. */
export function limitEffect({ subject, until, cause }: Limit): string {
  return `${subjectWords(subject)}: set aside until ${time(until)} (${cause.source})`;
}

/** What has become of a key, for a person. */
export function keyEffect(name: string, state: KeyState): string {
  switch (state.kind) {
    case 'available':
      return `${name} serves again`;
    case 'returning':
      return `${name} returns, ${state.allowance} unproven at once`;
    case 'cooling':
      return `${name} cools until ${time(state.until)} (${state.cause.source})`;
    case 'disabled':
      return `${name} is disabled: ${state.cause.reason}`;
  }
}
