import { CHAT_APPS } from './chat-apps.ts';
import { CODING_TOOLS } from './coding-tools.ts';
import { LIBRARIES } from './libraries.ts';
import type { Client } from './settings.ts';

/** All documented clients, in display order. */
export const CLIENTS: readonly Client[] = [...LIBRARIES, ...CODING_TOOLS, ...CHAT_APPS];
