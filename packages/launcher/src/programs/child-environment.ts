/** What a child may know of the launcher's environment: how to speak, whom to trust, where things are. */
const PASSED_ON = new Set([
  'PATH',
  'HOME',
  'TMPDIR',
  'TZ',
  'LANG',
  'LANGUAGE',
  'TERM',
  'COLORTERM',
  'NO_COLOR',
  'FORCE_COLOR',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
]);

/**
 * The environment of every child: an allow-list, so that no secret and nothing that changes how Node
 * runs (NODE_OPTIONS, NODE_DEBUG) gets through. NODE_ENV keeps express from answering with stack traces.
 */
export function childEnvironment(environment: NodeJS.ProcessEnv): Record<string, string> {
  const passedOn = Object.entries(environment).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (PASSED_ON.has(entry[0]) || entry[0].startsWith('LC_')),
  );
  return { ...Object.fromEntries(passedOn), NODE_ENV: 'production' };
}
