import { AGENTS } from './agents.ts';
import type { Client } from './client.ts';
import { LIBRARIES } from './libraries.ts';

/** Every client of the matrix. */
export const CLIENTS: readonly Client[] = [...AGENTS, ...LIBRARIES];
