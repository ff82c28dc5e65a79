import {
  healthLevelOf,
  healthStatements,
  KmsError,
  type HealthCause,
  type HealthLevel,
  type HealthStatement,
  type KmsClient,
  type Result,
} from '@openrouter-proxy/kms-protocol';
import type { Logger } from '@openrouter-proxy/runtime';

const STATUS_TIMEOUT_MS = 1_000;
/** How often the key service is asked whether it is there. */
const WATCH_EVERY_MS = 1_000;

/** The key service's status, or null when it does not answer. */
export type KmsStatus = Result<'service.status'> | null;

/** How the whole product is: what the key service says, and what the gateway sees by itself. */
export interface HealthView {
  readonly level: HealthLevel;
  readonly causes: readonly HealthCause[];
  readonly statements: readonly HealthStatement[];
  readonly status: KmsStatus;
}

/** What the gateway's health is told from. */
export interface HealthSourceDeps {
  readonly kms: KmsClient;
  readonly logger: Logger;
  readonly draining: () => boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** The causes that the gateway sees by itself. Pure. */
function ownCauses(awaySince: number | null, drainingSince: number | null): readonly HealthCause[] {
  return [
    ...(drainingSince === null ? [] : [{ kind: 'shutting_down' as const, since: drainingSince }]),
    ...(awaySince === null ? [] : [{ kind: 'key_service_away' as const, since: awaySince }]),
  ];
}

/** Tells every surface of the gateway how the product is, and the log when the key service goes and comes. */
export class HealthSource {
  readonly #parts: HealthSourceDeps;
  readonly #timer: NodeJS.Timeout;
  #awaySince: number | null = null;
  #drainingSince: number | null = null;
  #wasThere = false;
  #isWatching = false;

  constructor(parts: HealthSourceDeps) {
    this.#parts = parts;
    this.#timer = setInterval(() => void this.#watch(), WATCH_EVERY_MS).unref();
  }

  /** How everything is now. */
  async look(): Promise<HealthView> {
    const status = await this.#askStatus();
    const now = this.#parts.now();
    if (this.#parts.draining()) this.#drainingSince ??= now;
    const causes = [
      ...ownCauses(this.#awaySince, this.#drainingSince),
      ...(status?.health.causes ?? []),
    ];
    const level = healthLevelOf(causes);
    return { level, causes, statements: healthStatements(causes, now), status };
  }

  /** Ends the watch over the key service. */
  stop(): void {
    clearInterval(this.#timer);
  }

  async #watch(): Promise<void> {
    if (this.#isWatching) return;
    this.#isWatching = true;
    try {
      await this.#parts.kms.call('service.ping', {}, { timeoutMs: STATUS_TIMEOUT_MS });
      this.#answered();
    } catch {
      this.#silent();
    } finally {
      this.#isWatching = false;
    }
  }

  async #askStatus(): Promise<KmsStatus> {
    // The watch notices when it is back; until then no surface waits for a key service that hangs.
    if (this.#awaySince !== null && this.#wasThere) return null;
    try {
      const options = { timeoutMs: STATUS_TIMEOUT_MS };
      const status = await this.#parts.kms.call('service.status', {}, options);
      this.#answered();
      return status;
    } catch (error) {
      if (!KmsError.is(error, 'UNAVAILABLE')) throw error;
      this.#silent();
      return null;
    }
  }

  #answered(): void {
    const { logger } = this.#parts;
    if (this.#awaySince !== null && this.#wasThere) {
      logger.info('health: the key service answers again', { cause: 'key_service_away' });
    }
    this.#awaySince = null;
    this.#wasThere = true;
  }

  #silent(): void {
    const { logger, draining, now } = this.#parts;
    if (this.#awaySince !== null) return;
    this.#awaySince = now();
    if (!this.#wasThere || draining()) return; // it starts, or both stop
    const [statement] = healthStatements(ownCauses(this.#awaySince, null), now());
    if (statement === undefined) return;
    const { cause, sentence, action } = statement;
    logger.error(`health: ${sentence}`, { cause, action });
  }
}
