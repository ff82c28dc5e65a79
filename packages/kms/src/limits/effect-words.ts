import type { KeyState } from '@openrouter-proxy/kms-protocol';
import {
  lengthInWords,
  limitedModels,
  reasonInWords,
  sourceInWords,
} from '@openrouter-proxy/kms-protocol/words';
import type { Limit, Subject } from './limit.ts';

/** Clients choose the names of models: a long name is shortened in the middle. */
const LONG_MODEL = 80;

function modelWords(model: string): string {
  return model.length <= LONG_MODEL ? model : `${model.slice(0, 60)}…${model.slice(-16)}`;
}

/** The subject of a limit, for a person. */
export function subjectWords(subject: Subject): string {
  switch (subject.scope) {
    case 'account':
      return `account ${subject.account}, for ${limitedModels({ pool: subject.pool, model: null })}`;
    case 'key-model':
      return `${modelWords(subject.model)} on this key`;
    case 'account-model':
      return `${modelWords(subject.model)} on account ${subject.account}`;
    case 'model':
      return `model ${modelWords(subject.model)}`;
    case 'upstream':
      return 'OpenRouter';
  }
}

/** The effect on a limited subject, for a person. */
export function limitEffect({ subject, since, until, cause }: Limit): string {
  return `${subjectWords(subject)}: set aside for ${lengthInWords(until - since)} (${sourceInWords(cause.source)})`;
}

/** The effect on a key, for a person. */
export function keyEffect(name: string, state: KeyState): string {
  switch (state.kind) {
    case 'available':
      return `${name} serves again`;
    case 'returning':
      return `${name} returns, ${state.allowance} unproven at once`;
    case 'cooling':
      return `${name} cools for ${lengthInWords(state.until - state.since)} (${sourceInWords(state.cause.source)})`;
    case 'disabled':
      return `${name} is disabled: ${reasonInWords(state.cause.reason)}`;
  }
}
