import { LASTS, refused, refusal, type Trial } from './trial.ts';

/** Beyond the memory of one request: it is kept on disk. */
const extra = { metadata: { note: 'x'.repeat(20 * 1024 * 1024) } };

/** Refusals of a key that hit a large request body. */
export const LARGE_BODIES: readonly Trial[] = [
  refusal('unauthorized', { extra, setAside: 'key' }, 'large body: unauthorized'),
  refusal('key_limit', { extra, setAside: 'key' }, 'large body: key_limit'),
  refusal(
    'unauthorized',
    { ...LASTS, ...refused(503), extra },
    'large body: each key unauthorized',
  ),
];
