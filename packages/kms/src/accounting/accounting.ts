import { join } from 'node:path';
import type { Clock, Logger } from '@openrouter-proxy/runtime';
import { EventLog } from './event-log.ts';
import { KeyHistory } from './key-history.ts';
import { Ledger } from './ledger.ts';
import { SpendingWatch } from '../usage/spending-watch.ts';
import { Traffic } from './traffic.ts';
import { openUsageFile } from '../usage/usage-file.ts';
import { UsageTotals } from '../usage/usage-totals.ts';

/** Everything that is remembered for people to look at; no decision about a key depends on it. */
export interface Accounting {
  readonly ledger: Ledger;
  readonly usage: UsageTotals;
  readonly spending: SpendingWatch;
  readonly traffic: Traffic;
  readonly history: KeyHistory;
  readonly events: EventLog;
  close(): void;
}

/** What the books are made of. */
export interface AccountingDeps {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

/** Opens the books: totals of use are kept in the state folder, everything else is of this life only. */
export function openAccounting({ stateDir, clock, logger, random }: AccountingDeps): Accounting {
  const now = clock.now();
  const file = openUsageFile(join(stateDir, 'usage.db'), now, (movedTo) =>
    logger.error('the totals of use could not be read: counting begins anew', { movedTo }),
  );
  const usage = new UsageTotals(file, now, (error) =>
    logger.error('totals of use cannot be saved: they are kept in memory and tried again', {
      error,
    }),
  );
  const events = new EventLog(clock);
  return {
    ledger: new Ledger(),
    usage,
    spending: new SpendingWatch(file),
    traffic: new Traffic(random),
    history: new KeyHistory(),
    events,
    close() {
      events.close();
      usage.flush();
      file.close();
    },
  };
}
