import {
  gatewaySlice,
  kmsSlice,
  type GatewayConfiguration,
  type GatewayRuntime,
  type KmsConfiguration,
  type LoadedConfig,
} from '@openrouter-proxy/config';
import type { ReloadReport } from '@openrouter-proxy/kms-protocol';
import { StartupError, type Logger } from '@openrouter-proxy/runtime';
import { configChanges, withFixedSettings } from './config-changes.ts';

/** The configurations of the child processes. */
export interface Slices {
  readonly kms: KmsConfiguration;
  readonly gateway: GatewayConfiguration;
}

/** Dependencies of the reloader. */
export interface ReloaderDeps {
  /** Loads the configuration as a start does; rejects with a StartupError that lists every problem. */
  readonly load: () => Promise<LoadedConfig>;
  /** Sends the children their new configurations; returns the problem of the first that failed, else null. */
  readonly configure: () => Promise<string | null>;
  readonly tokens: KmsConfiguration['tokens'];
  readonly runtime: (loaded: LoadedConfig) => Promise<GatewayRuntime>;
  /** Takes over new secrets, before anything can log them, and the log level. */
  readonly onSlices: (slices: Slices) => void;
  /** Called after the children have applied the configuration. */
  readonly onApplied: (loaded: LoadedConfig) => Promise<void>;
  readonly logger: Logger;
}

const NOTHING: Omit<ReloadReport, 'outcome'> = {
  ...{ problems: [], warnings: [], changes: [], needsRestart: [] },
};

/** Reloads the configuration on request: applies all of it, or nothing. */
export class Reloader {
  readonly #parts: ReloaderDeps;
  #loaded: LoadedConfig;
  #slices: Slices;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: ReloaderDeps, loaded: LoadedConfig, slices: Slices) {
    this.#parts = parts;
    this.#loaded = loaded;
    this.#slices = slices;
  }

  /** The current configurations of the children, also for their next start. */
  get slices(): Slices {
    return this.#slices;
  }

  /** The configuration that is in effect. */
  get loaded(): LoadedConfig {
    return this.#loaded;
  }

  /** Reloads the configuration. Calls run one by one. It never rejects. */
  reload(dryRun: boolean): Promise<ReloadReport> {
    const turn = this.#last.then(() => this.#reload(dryRun));
    this.#last = turn;
    return turn;
  }

  async #reload(dryRun: boolean): Promise<ReloadReport> {
    const { logger } = this.#parts;
    try {
      const report = await this.#attempt(dryRun);
      if (!dryRun) log(logger, report);
      return report;
    } catch (error) {
      const isExpected = error instanceof StartupError;
      if (!isExpected) logger.error('reload failed', { error });
      const problems = isExpected ? [...error.problems] : ['see the log of the launcher'];
      const report: ReloadReport = { ...NOTHING, outcome: 'refused', problems };
      if (isExpected && !dryRun) log(logger, report);
      return report;
    }
  }

  /** Sends the configuration even if nothing changed: a file that it names, such as a certificate, may have. */
  async #attempt(dryRun: boolean): Promise<ReloadReport> {
    const { load, runtime, tokens, onSlices, onApplied, configure, logger } = this.#parts;
    const loaded = await load();
    const { changes, needsRestart } = configChanges(this.#loaded.config, loaded.config);
    const found = {
      ...NOTHING,
      warnings: [...loaded.warnings],
      changes: [...changes],
      needsRestart: [...needsRestart],
    };
    const isUnchanged = changes.length === 0;
    if (dryRun) return { ...found, outcome: isUnchanged ? 'unchanged' : 'planned' };
    for (const warning of loaded.warnings) logger.warning(warning);
    const config = withFixedSettings(this.#loaded.config, loaded.config);
    const effective = { ...loaded, config };
    const before = this.#slices;
    const slices = {
      kms: kmsSlice(config, { tokens }),
      gateway: gatewaySlice(config, await runtime(effective)),
    };
    onSlices(slices);
    this.#slices = slices; // a child that starts during the reload gets the new configuration
    const problem = await configure();
    if (problem === null) {
      this.#loaded = effective;
      await onApplied(effective);
      return { ...found, outcome: isUnchanged ? 'unchanged' : 'applied' };
    }
    this.#slices = before;
    await configure();
    return { ...found, outcome: 'refused', problems: [problem] };
  }
}

function log(logger: Logger, { outcome, problems, changes, needsRestart }: ReloadReport): void {
  if (outcome === 'refused') {
    logger.error('reload refused: nothing was changed', { problems });
    return;
  }
  logger.info('configuration reloaded', { outcome, changes });
  if (needsRestart.length === 0) return;
  logger.warning('some settings take effect only after a restart', { settings: needsRestart });
}
