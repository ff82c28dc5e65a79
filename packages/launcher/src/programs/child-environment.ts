/** The variables that children get: locale, certificates, paths. */
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
 * The environment of every child: an allow-list without secrets and without variables that change Node
 * (NODE_OPTIONS, NODE_DEBUG). NODE_ENV keeps express from sending stack traces.
 */
export function childEnvironment(environment: NodeJS.ProcessEnv): Record<string, string> {
  const passedOn = Object.entries(environment).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (PASSED_ON.has(entry[0]) || entry[0].startsWith('LC_')),
  );
  return { ...Object.fromEntries(passedOn), NODE_ENV: 'production' };
}
