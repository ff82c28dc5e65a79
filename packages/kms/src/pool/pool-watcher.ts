import type { Clock } from '@openrouter-proxy/runtime';
import type { PoolCore } from './pool-core.ts';
import type { LimitListener } from '../keys/limit-listener.ts';
import { readShared, subjectNamed } from '../store/shared-records.ts';
import type { StateWatcher } from '../store/state-store.ts';

/** Collaborators of the watcher. */
export interface PoolWatcherDeps {
  readonly core: () => PoolCore;
  readonly listener: LimitListener;
  readonly clock: Clock;
  /** Called when keys may have become usable. */
  readonly onChange: () => void;
}

/** Applies the changes of other machines that share the state. */
export function poolWatcher({ core, listener, clock, onChange }: PoolWatcherDeps): StateWatcher {
  const follow = (name: string, json: string | null) => {
    const { limits, allowances, records } = core();
    const shared = json === null ? undefined : readShared(name, json);
    if (shared?.kind === 'allowance') {
      for (const window of ['minute', 'day'] as const) {
        const limit = shared.learnt[window];
        if (limit !== undefined) allowances.learn(shared.account, window, limit);
      }
    } else if (shared?.kind === 'limit') {
      const { limit } = shared;
      const isNew = limits.adopt(limit, clock.now());
      if (isNew) listener.onLimit(limit, records.keysConcernedBy(limit.subject));
    } else {
      const subject = subjectNamed(name);
      if (subject === undefined || !limits.lift(subject, clock.now())) return;
      listener.onLifted(subject, records.keysConcernedBy(subject));
    }
  };
  return {
    onRecord(keyId, record) {
      core().records.adopt(keyId, record);
      onChange();
    },
    onShared(name, json) {
      follow(name, json);
      onChange();
    },
    onLeased: (keyId) => core().allocator.continueAfter(keyId),
  };
}
