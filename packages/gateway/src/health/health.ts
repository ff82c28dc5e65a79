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
/** How often the key service is pinged. */
const WATCH_EVERY_MS = 1_000;

/** The key service's status, or null when it does not answer. */
export type KmsStatus = Result<'service.status'> | null;

/** The health of the whole product: the causes that the key service reports, and the gateway's own. */
export interface HealthView {
  readonly level: HealthLevel;
  readonly causes: readonly HealthCause[];
  readonly statements: readonly HealthStatement[];
  readonly status: KmsStatus;
}

/** The sources of the health. */
export interface HealthSourceDeps {
  readonly kms: KmsClient;
  readonly logger: Logger;
  readonly draining: () => boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** The causes that the gateway finds by itself. Pure. */
function ownCauses(awaySince: number | null, drainingSince: number | null): readonly HealthCause[] {
  return [
    ...(drainingSince === null ? [] : [{ kind: 'shutting_down' as const, since: drainingSince }]),
    ...(awaySince === null ? [] : [{ kind: 'key_service_away' as const, since: awaySince }]),
  ];
}

/** Gives every page the same health, and logs when the key service stops answering and when it answers again. */
export class HealthSource {
  readonly #deps: HealthSourceDeps;
  readonly #timer: NodeJS.Timeout;
  #awaySince: number | null = null;
  #drainingSince: number | null = null;
  #wasThere = false;
  #isWatching = false;

  constructor(deps: HealthSourceDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => void this.#watch(), WATCH_EVERY_MS).unref();
  }

  /** Reads the health now. */
  async look(): Promise<HealthView> {
    const status = await this.#askStatus();
    const now = this.#deps.now();
    if (this.#deps.draining()) this.#drainingSince ??= now;
    const causes = [
      ...ownCauses(this.#awaySince, this.#drainingSince),
      ...(status?.health.causes ?? []),
    ];
    const level = healthLevelOf(causes);
    return { level, causes, statements: healthStatements(causes, now), status };
  }

  /** Stops pinging the key service. */
  stop(): void {
    clearInterval(this.#timer);
  }

  async #watch(): Promise<void> {
    if (this.#isWatching) return;
    this.#isWatching = true;
    try {
      await this.#deps.kms.call('service.ping', {}, { timeoutMs: STATUS_TIMEOUT_MS });
      this.#answered();
    } catch {
      this.#silent();
    } finally {
      this.#isWatching = false;
    }
  }

  async #askStatus(): Promise<KmsStatus> {
    // The ping notices when it answers again. Until then no page waits for a key service that hangs.
    if (this.#awaySince !== null && this.#wasThere) return null;
    try {
      const options = { timeoutMs: STATUS_TIMEOUT_MS };
      const status = await this.#deps.kms.call('service.status', {}, options);
      this.#answered();
      return status;
    } catch (error) {
      if (!KmsError.is(error, 'UNAVAILABLE')) throw error;
      this.#silent();
      return null;
    }
  }

  #answered(): void {
    const { logger } = this.#deps;
    if (this.#awaySince !== null && this.#wasThere) {
      logger.info('health: the key service answers again', { cause: 'key_service_away' });
    }
    this.#awaySince = null;
    this.#wasThere = true;
  }

  #silent(): void {
    const { logger, draining, now } = this.#deps;
    if (this.#awaySince !== null) return;
    this.#awaySince = now();
    if (!this.#wasThere || draining()) return; // the key service is starting, or both are stopping
    const [statement] = healthStatements(ownCauses(this.#awaySince, null), now());
    if (statement === undefined) return;
    const { cause, sentence, action } = statement;
    logger.error(`health: ${sentence}`, { cause, action });
  }
}
