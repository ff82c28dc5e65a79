import {
  causeWithoutTime,
  type KeyState,
  type KeyView,
  type LimitView,
} from '@openrouter-proxy/kms-protocol';
import {
  limitedModels,
  reasonInWords,
  rejectionInWords,
  sourceInWords,
} from '@openrouter-proxy/kms-protocol/words';
import type { Clock, Logger } from '@openrouter-proxy/runtime';
import { keyFields, logFirstRound, logKeyChange, logLifted, logLimit } from './key-log.ts';
import type { Accounting } from '../accounting/accounting.ts';
import type { StatusPeriod } from '../accounting/key-status.ts';
import type { PoolListener } from './pool-core.ts';
import type { ContactFacts } from '../key-checks/checked-pool.ts';
import { limitView, subjectView } from './limit-views.ts';

/** Collaborators of the listener. */
export interface PoolListenerDeps {
  readonly logger: Logger;
  readonly accounting: Pick<Accounting, 'events' | 'history'>;
  readonly clock: Clock;
}

/** Writes what happens in the pool to the log, the event list, and the history of keys. */
export function poolListener({
  logger,
  accounting: accounting,
  clock,
}: PoolListenerDeps): PoolListener {
  const { events, history } = accounting;
  return {
    onChange(key, before, after) {
      logKeyChange(logger, key, before, after);
      events.add({ kind: 'key', keyId: key.id, keyName: key.name, state: after });
      history.setState(key.id, holdingOf(after), clock.now());
    },
    onLimit(limit, keys) {
      logLimit(logger, limit, keys);
      const view = limitView(limit);
      events.add({ kind: 'limit', limit: view });
      const now = clock.now();
      for (const { id } of keys) history.setLimit(id, limitName(view), limitedBy(view), now);
    },
    onLifted(subject, keys) {
      logLifted(logger, subject, keys);
      const view = subjectView(subject);
      events.add({ kind: 'lifted', scope: view.scope, model: view.model });
      for (const { id } of keys) history.lift(id, limitName(view), clock.now());
    },
    onContact: (key, said) => history.setContact(key.id, contactHolding(said), clock.now()),
    ...logOnly(logger),
  };
}

/** Events that are only logged. */
function logOnly(
  logger: Logger,
): Pick<
  PoolListener,
  'onShared' | 'onUnexplained' | 'onFirstRound' | 'onStoreFailed' | 'onStoreRecovered'
> {
  return {
    onShared: (account, keys) =>
      logger.info('keys share an account, and its limits', {
        account,
        keys: keys.map(({ name }) => name),
      }),
    onUnexplained: (key, credits) =>
      logger.warning('a key is used elsewhere: OpenRouter charges more than was spent here', {
        ...keyFields(key),
        credits,
      }),
    onFirstRound: (tally) => logFirstRound(logger, tally),
    onStoreFailed: (error) =>
      logger.error('key states could not be saved: they stay in memory, and saving is retried', {
        error,
      }),
    onStoreRecovered: () => logger.info('key states are saved again'),
  };
}

/** A key's state as a period of its history. */
function holdingOf(state: KeyState): StatusPeriod {
  const { since: from } = state;
  switch (state.kind) {
    case 'available':
      return { kind: 'serving', from, until: null, why: '' };
    case 'returning':
      return { kind: 'returning', from, until: null, why: 'one probe request at a time' };
    case 'cooling':
    case 'disabled': {
      const { reason, source, detail } = state.cause;
      if (reason === 'unauthorized') return { kind: 'refused', from, until: null, why: detail };
      const until = state.kind === 'cooling' ? state.until : null;
      const words = `${reasonInWords(reason)} (${sourceInWords(source)})`;
      const why = detail === '' ? words : `${words}: ${detail}`;
      return { kind: state.kind, from, until, why };
    }
  }
}

/** The last contact's verdict against a key, as a period of its history. */
function contactHolding({ check, upstream }: ContactFacts): StatusPeriod | null {
  if (check?.verdict === 'refused') {
    return { kind: 'refused', from: check.since, until: null, why: rejectionInWords(check) };
  }
  if (upstream === null) return null;
  const why = causeWithoutTime(upstream);
  return { kind: 'unreachable', from: upstream.since, until: null, why };
}

function limitedBy({ since, until, cause, pool, model }: LimitView): StatusPeriod {
  const why = `${limitedModels({ pool, model })}: ${reasonInWords(cause.reason)}`;
  return { kind: 'limited', from: since, until, why };
}

/** Names the subject of a limit within the history of one key. */
const limitName = ({ scope, pool, model }: Pick<LimitView, 'scope' | 'pool' | 'model'>) =>
  JSON.stringify([scope, pool, model]);

/** Starts the history of unknown keys with their current status. */
export function beginHistory(
  history: Accounting['history'],
  keys: readonly KeyView[],
  now: number,
): void {
  for (const { keyId, state, check, upstream, limits } of keys) {
    if (history.knows(keyId)) continue;
    const held = limits.map((limit) => [limitName(limit), limitedBy(limit)] as const);
    history.begin(keyId, holdingOf(state), new Map(held));
    history.setContact(keyId, contactHolding({ check, upstream }), now);
  }
}
