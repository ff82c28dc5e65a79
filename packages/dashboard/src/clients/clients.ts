import { CHAT_APPS } from './chat-apps.ts';
import { CODING_TOOLS } from './coding-tools.ts';
import { LIBRARIES } from './libraries.ts';
import type { Client } from './settings.ts';

/** Every client whose settings are known, in the order in which they are shown. */
export const CLIENTS: readonly Client[] = [...LIBRARIES, ...CODING_TOOLS, ...CHAT_APPS];
