/** Redis' error prefixes in words (redis.io, "Errors"). */
const WORDS: Readonly<Record<string, string>> = {
  LOADING: 'Redis loads its data',
  READONLY: 'Redis is a read-only replica',
  MASTERDOWN: 'Redis is a replica that has lost its master',
  CLUSTERDOWN: 'the Redis cluster is down',
  NOREPLICAS: 'Redis has too few replicas to be written',
  MISCONF: 'Redis cannot save its data and refuses to be written',
  OOM: 'Redis has no memory left',
  BUSY: 'Redis is busy with a script',
  NOAUTH: 'Redis wants a password: see `state.redis.url`',
  WRONGPASS: 'Redis refuses the user or its password: see `state.redis.url`',
  NOPERM: 'Redis forbids its user what is needed: see docs/redis.md, "A user of its own"',
  STATELOST: 'Redis has lost the state, which is being restored',
  TOOLATE: 'Redis answers too late',
};

/** Why Redis cannot be used, for a person. Contains no secret. */
export function troubleWith(error: unknown): string {
  if (!(error instanceof Error)) return 'Redis failed';
  const [word = ''] = error.message.split(/[ :]/, 1);
  // Before authentication Redis rejects a long command without saying NOAUTH.
  const known = error.message.includes('unauthenticated') ? WORDS['NOAUTH'] : WORDS[word];
  if (known !== undefined) return known;
  if (isSilence(error)) return 'Redis does not answer';
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined) return `Redis cannot be reached (${code})`;
  if (/closed|isn't writeable|ended|startup nodes|sentinels/.test(error.message)) {
    return 'Redis cannot be reached';
  }
  return `Redis failed: ${error.message.slice(0, 200)}`;
}

/** Whether a new connection may help: the server does not answer, or is the wrong one. */
export function wantsNewConnection(error: unknown): boolean {
  return isSilence(error) || (error instanceof Error && error.message.startsWith('READONLY'));
}

function isSilence(error: unknown): boolean {
  return error instanceof Error && error.message.includes('timed out');
}
