import { BoundedLabels } from './bounded-labels.ts';

/** Models with a label of their own; further ones become `other`. */
const MAX_MODELS = 300;
/** Pairs of a model and a client with a time series of their own. */
const MAX_PAIRS = 2_000;

/** The labels of usage. */
export interface UsageLabel {
  readonly model: string;
  readonly client: string;
}

/**
 * Bounds the time series of tokens and costs. Beyond the bound a client's further models count as
 * `other`, so that the sum for each client stays right.
 */
export class UsageLabels {
  readonly #models = new BoundedLabels(MAX_MODELS);
  readonly #pairs = new BoundedLabels(MAX_PAIRS);

  /** `client` is bounded already. */
  of(model: string | null, client: string): UsageLabel {
    const name = this.#models.of(model ?? 'unknown');
    const pair = JSON.stringify([name, client]);
    return { model: this.#pairs.of(pair) === pair ? name : 'other', client };
  }
}
