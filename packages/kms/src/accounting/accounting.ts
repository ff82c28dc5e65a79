import { join } from 'node:path';
import type { Clock, Logger } from '@openrouter-proxy/runtime';
import { EventLog } from './event-log.ts';
import { KeyHistory } from './key-history.ts';
import { Ledger } from './ledger.ts';
import { SpendingWatch } from '../usage/spending-watch.ts';
import { Traffic } from './traffic.ts';
import { openUsageFile } from '../usage/usage-file.ts';
import { UsageTotals } from '../usage/usage-totals.ts';

/** Everything that is recorded for people. No decision about a key depends on it. */
export interface Accounting {
  readonly ledger: Ledger;
  readonly usage: UsageTotals;
  readonly spending: SpendingWatch;
  readonly traffic: Traffic;
  readonly history: KeyHistory;
  readonly events: EventLog;
  close(): void;
}

/** Options of the accounting. */
export interface AccountingDeps {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

/**
 * Opens the accounting: usage totals are stored in the state folder, everything else lasts until
 * the process ends.
 */
export function openAccounting({ stateDir, clock, logger, random }: AccountingDeps): Accounting {
  const now = clock.now();
  const file = openUsageFile(join(stateDir, 'usage.db'), now, (movedTo) =>
    logger.error('usage totals could not be read: counting starts at zero', { movedTo }),
  );
  const usage = new UsageTotals(file, now, (error) =>
    logger.error('usage totals could not be saved: they stay in memory, and saving is retried', {
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
