import type { KeyState, KeyView, LimitView } from '@openrouter-proxy/kms-protocol';
import { reasonInWords, sourceInWords } from '@openrouter-proxy/kms-protocol/words';
import type { Clock, Logger } from '@openrouter-proxy/runtime';
import { logFirstRound, logKeyChange, logLimit } from './key-log.ts';
import type { Books } from './ledger/books.ts';
import type { Standing } from './ledger/key-history.ts';
import type { Subject } from './limit.ts';
import type { PoolListener } from './pool-core.ts';
import { limitView } from './pool-views.ts';

/** What the pool tells, and to whom it is passed on. */
export interface PoolListenerParts {
  readonly logger: Logger;
  readonly books: Pick<Books, 'events' | 'history'>;
  readonly clock: Clock;
}

/** Writes what happens in the pool into the log, the events, and the history of the keys it concerns. */
export function poolListener({ logger, books, clock }: PoolListenerParts): PoolListener {
  const { events, history } = books;
  return {
    onChange(key, before, after) {
      logKeyChange(logger, key, before, after);
      events.add({ kind: 'key', keyId: key.id, keyName: key.name, state: after });
      history.add(key.id, standingOf(after));
    },
    onLimit(limit, keys) {
      logLimit(logger, limit);
      const view = limitView(limit);
      events.add({ kind: 'limit', limit: view });
      for (const { id } of keys) history.add(id, limitedBy(view));
    },
    onLifted(subject, keys) {
      logger.info('limit lifted', { ...subject });
      events.add({ kind: 'lifted', scope: subject.scope, model: modelOf(subject) });
      const serves: Standing = { kind: 'serving', from: clock.now(), until: null, why: '' };
      for (const { id } of keys) history.add(id, serves);
    },
    onShared: (account, keys) =>
      logger.info('keys share an account, and its limits', {
        account,
        keys: keys.map(({ name }) => name),
      }),
    onUnexplained: (key, credits) =>
      logger.warning('a key is used elsewhere: OpenRouter charges more than was spent here', {
        key: key.id,
        name: key.name,
        credits,
      }),
    onFirstRound: (tally) => logFirstRound(logger, tally),
    onStoreFailed: (error) =>
      logger.error('key states cannot be saved: they are kept in memory and tried again', {
        error,
      }),
    onStoreRecovered: () => logger.info('key states are saved again'),
  };
}

const modelOf = (subject: Subject) => ('model' in subject ? subject.model : null);

/** A key's state as its history has it. */
function standingOf(state: KeyState): Standing {
  const { since: from } = state;
  switch (state.kind) {
    case 'available':
      return { kind: 'serving', from, until: null, why: '' };
    case 'returning':
      return { kind: 'returning', from, until: null, why: 'one request at a time at first' };
    case 'cooling':
    case 'disabled': {
      const { reason, source, detail } = state.cause;
      const until = state.kind === 'cooling' ? state.until : null;
      const words = `${reasonInWords(reason)} (${sourceInWords(source)})`;
      const why = detail === '' ? words : `${words}: ${detail}`;
      return { kind: state.kind, from, until, why };
    }
  }
}

function limitedBy({ since, until, cause, pool }: LimitView): Standing {
  const models = pool === 'all' ? 'every model' : `${pool} models`;
  return { kind: 'limited', from: since, until, why: `${models}: ${reasonInWords(cause.reason)}` };
}

/** Begins the history of keys of which it knows nothing with how they stand. */
export function beginHistory(history: Books['history'], keys: readonly KeyView[]): void {
  for (const { keyId, state, limits } of keys) {
    if (history.knows(keyId)) continue;
    history.add(keyId, standingOf(state));
    const limit = limits.find(({ scope }) => scope === 'account');
    if (limit !== undefined && state.kind === 'available') history.add(keyId, limitedBy(limit));
  }
}
