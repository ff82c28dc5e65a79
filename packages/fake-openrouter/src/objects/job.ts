import type { Key } from '../accounts/key.ts';

/** How a job ends. */
export const JOB_ENDS = ['completed', 'failed', 'cancelled', 'expired'] as const;
export type JobEnd = (typeof JOB_ENDS)[number];

/** A video as its account sees it. */
export interface Video {
  id: string;
  generationId: string;
  status: 'pending' | 'in_progress' | JobEnd;
  key: Key;
  cost: number;
  polls: number;
}

/** A batch of an account: in the form of OpenAI's, which OpenRouter follows. */
export interface Batch {
  id: string;
  key: Key;
  status: 'validating' | 'in_progress' | JobEnd;
  inputFileId: string;
  outputFileId: string | null;
  endpoint: string;
  polls: number;
  createdAt: number;
  endedAt: number | null;
}
