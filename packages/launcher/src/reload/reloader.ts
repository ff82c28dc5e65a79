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

/** What the children run with. */
export interface Slices {
  readonly kms: KmsConfiguration;
  readonly gateway: GatewayConfiguration;
}

/** What reading the configuration again works with. */
export interface ReloaderParts {
  /** Reads it as a start would; rejects with a StartupError that names every problem. */
  readonly load: () => Promise<LoadedConfig>;
  /** Has the children run with the slices as they are now; why one could not, if so. */
  readonly configure: () => Promise<string | null>;
  readonly tokens: KmsConfiguration['tokens'];
  readonly runtime: (loaded: LoadedConfig) => Promise<GatewayRuntime>;
  /** Told of new secrets before anything can print them, and of the level of the log. */
  readonly onSlices: (slices: Slices) => void;
  /** Called after the children have taken the configuration. */
  readonly onApplied: (loaded: LoadedConfig) => Promise<void>;
  readonly logger: Logger;
}

const NOTHING: Omit<ReloadReport, 'outcome'> = {
  ...{ problems: [], warnings: [], changes: [], needsRestart: [] },
};

/** Reads the configuration again when asked to: all of it is valid and put into effect, or none of it. */
export class Reloader {
  readonly #parts: ReloaderParts;
  #loaded: LoadedConfig;
  #slices: Slices;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: ReloaderParts, loaded: LoadedConfig, slices: Slices) {
    this.#parts = parts;
    this.#loaded = loaded;
    this.#slices = slices;
  }

  /** What the children run with now, and are to be started with. */
  get slices(): Slices {
    return this.#slices;
  }

  /** The configuration that is in effect. */
  get loaded(): LoadedConfig {
    return this.#loaded;
  }

  /** Reads it, one after the other if asked to more than once. It never rejects. */
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
      if (!isExpected) logger.error('the configuration could not be read again', { error });
      const problems = isExpected ? [...error.problems] : ['see the log of the launcher'];
      const report: ReloadReport = { ...NOTHING, outcome: 'refused', problems };
      if (isExpected && !dryRun) log(logger, report);
      return report;
    }
  }

  /** Also without a change the children are told: a file that the configuration names may be another one now. */
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
    this.#slices = slices; // a child that is started meanwhile has it at once
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
    logger.error('the configuration was not taken: nothing was changed', { problems });
    return;
  }
  logger.info('the configuration was read again', { outcome, changes });
  if (needsRestart.length === 0) return;
  logger.warning('some settings take effect only after a restart', { settings: needsRestart });
}
