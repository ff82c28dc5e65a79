import type { Account } from '../accounts/account.ts';

/** A generation that its account can ask for. */
export interface Generation {
  id: string;
  account: Account;
  model: string;
  provider: string;
  /** Seconds since the epoch. */
  created: number;
  cost: number;
  promptTokens: number;
  completionTokens: number;
  reasoningTokens: number;
  streamed: boolean;
  /** What it was: `completions`, `image`, `tts`, … */
  type: string;
  prompt: string;
  answer: string | null;
  /** How often it was asked for. */
  asked: number;
}

/** A preset of an account. */
export interface Preset {
  id: string;
  slug: string;
  account: Account;
  /** The newest last. */
  versions: { id: string; config: object; createdAt: number }[];
}
