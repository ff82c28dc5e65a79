/**
 * Who may import whom. Each rule says why it stands; `scripts/check-import-rules.ts` plants a
 * violation of each and sees it reported.
 */
const pkg = (name) => `^packages/${name}/`;
const others = (...allowed) => ({ path: '^packages/', pathNot: allowed.map(pkg) });

/** What each package may import of ours. Everything else is forbidden, tests included. */
const ALLOWED = {
  runtime: [[], 'Every process builds on it, so it must not know any of them.'],
  config: [
    ['runtime'],
    'It describes what is configured; what is done with it is not its business.',
  ],
  'kms-protocol': [
    ['runtime'],
    'Both sides of the socket share it, so it must not depend on one of them.',
  ],
  'fake-openrouter': [
    [],
    'It stands in for a foreign service: sharing code would hide our mistakes.',
  ],
  kms: [
    ['runtime', 'config', 'kms-protocol', 'fake-openrouter'],
    'It is the only code that holds keys, and must not grow into the process that faces HTTP.',
  ],
  dashboard: [
    ['runtime', 'kms-protocol', 'fake-openrouter'],
    'It runs in browsers: code of the services must be impossible to reach.',
  ],
  gateway: [
    ['runtime', 'config', 'kms-protocol', 'dashboard', 'fake-openrouter'],
    'It faces the network: code that holds keys must be impossible to reach from here.',
  ],
  cli: [
    ['runtime', 'config', 'kms-protocol', 'fake-openrouter'],
    'It is an operator, and has no more than the socket gives to one.',
  ],
  launcher: [
    ['runtime', 'config', 'kms-protocol', 'fake-openrouter'],
    'It starts the services as programs; importing them would put keys and clients into one process.',
  ],
  'end-to-end': [
    ['runtime', 'config', 'kms-protocol', 'cli', 'fake-openrouter'],
    'It starts the product as programs; of the services it knows no more than a user does.',
  ],
};

/** The files that packages offer besides their index, by the `exports` of their manifests. */
const FURTHER_EXPORTS =
  '^packages/(runtime/src/(logging/logger|time)|kms-protocol/src/((health-)?words|key-standing)|config/src/paths/(find-state-paths|default-state-dir)|gateway/src/(metrics/gateway-metrics|endpoints/endpoint-table)|dashboard/src/clients/(clients|settings)|kms/src/rpc/metrics)\\.ts$';

const packageRules = Object.entries(ALLOWED).map(([name, [allowed, reason]]) => ({
  name: `${name}-imports`,
  comment: reason,
  severity: 'error',
  from: { path: pkg(name) },
  to: others(name, ...allowed),
}));

/** Third-party libraries that only one package may use. */
const LIBRARIES = {
  express: ['gateway', 'Only the gateway speaks HTTP.'],
  'http-proxy-3': ['gateway', 'Only the gateway proxies.'],
  'prom-client': ['(kms|gateway)', 'Only the services have figures to show.'],
  ioredis: ['kms', 'Only the key service shares state with other machines.'],
  yaml: ['config', 'Only the loader reads the file; everyone else gets typed values.'],
  winston: ['runtime', 'Everything that is logged goes through the one writer that masks secrets.'],
  execa: [
    '(launcher|end-to-end)',
    'Only the launcher starts processes; tests and scripts start the launcher.',
  ],
  preact: ['dashboard', 'Only the page is rendered.'],
  'preact-render-to-string': ['dashboard', 'Only the page is rendered.'],
  uplot: ['dashboard', 'Only the page draws.'],
};

const libraryRules = Object.entries(LIBRARIES).map(([library, [owner, reason]]) => ({
  name: `${library}-only-in-${owner.replaceAll(/\W+/g, '-')}`,
  comment: reason,
  severity: 'error',
  from: { path: '^packages/', pathNot: [pkg(owner), '^packages/[^/]+/test/'] },
  to: { path: `(^|/)node_modules/${library}/` },
}));

/** Modules by which a program touches the world. */
const ADAPTERS =
  '^(node:)?(fs|fs/promises|net|http|https|tls|sqlite|child_process)$|(^|/)node_modules/(ioredis|express|http-proxy-3)/';
const NOT_FOR_TYPES = { dependencyTypesNot: ['type-only'] };

export default {
  forbidden: [
    ...packageRules,
    ...libraryRules,
    {
      name: 'dashboard-imports-types-only',
      comment:
        'It runs in browsers: of the services it may know types and words, not how they work.',
      severity: 'error',
      from: { path: '^packages/dashboard/src/' },
      to: {
        path: others().path,
        pathNot: [
          pkg('dashboard'),
          '^packages/kms-protocol/src/((health-)?words|key-standing)\\.ts$',
          '^packages/runtime/src/time\\.ts$',
        ],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'sqlite-only-in-kms',
      comment: 'State is kept by the key service alone.',
      severity: 'error',
      from: { path: '^packages/', pathNot: [pkg('kms')] },
      to: { path: '^(node:)?sqlite$', dependencyTypes: ['core'] },
    },
    {
      name: 'fake-only-in-tests',
      comment: 'What ships must run without the stand-in.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: [pkg('fake-openrouter'), '\\.test\\.ts$'] },
      to: { path: pkg('fake-openrouter') },
    },
    {
      name: 'no-deep-imports',
      comment: 'A package is what its exports name; its files may move.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: {
        path: '^packages/([^/]+)/src/',
        pathNot: ['^packages/$1/', '^packages/[^/]+/src/index\\.ts$', FURTHER_EXPORTS],
      },
    },
    {
      name: 'scripts-use-exports',
      comment: 'Scripts use packages as other packages do. What needs more belongs to the package.',
      severity: 'error',
      from: { path: '^scripts/' },
      to: {
        path: '^packages/[^/]+/(src|test|bench)/',
        pathNot: ['^packages/[^/]+/src/index\\.ts$', FURTHER_EXPORTS],
      },
    },
    {
      name: 'gateway-request-path',
      comment:
        'A request is answered the same way with one worker or many, seen on the dashboard or not.',
      severity: 'error',
      from: {
        path: '^packages/gateway/src/(http|auth|endpoints|request|body|key-service|forwarding|upstream|outcome|answer|streams|errors)/',
      },
      to: { path: '^packages/gateway/src/(dashboard|workers|telemetry)/' },
    },
    {
      name: 'gateway-pure-folders',
      comment: 'A decision is a function of data: it is tested without sockets and files.',
      severity: 'error',
      from: { path: '^packages/gateway/src/(outcome|streams)/', pathNot: '\\.test\\.ts$' },
      to: { path: ['^packages/gateway/src/(http|answer|forwarding)/', ADAPTERS], ...NOT_FOR_TYPES },
    },
    {
      name: 'kms-pure-folders',
      comment: 'A decision is a function of data: it is tested without a store and sockets.',
      severity: 'error',
      from: { path: '^packages/kms/src/(limits|keys|selection)/', pathNot: '\\.test\\.ts$' },
      to: { path: ['^packages/kms/src/(store/|rpc/|files/)', ADAPTERS], ...NOT_FOR_TYPES },
    },
    {
      name: 'no-cycles',
      comment: 'A cycle is one module that pretends to be two.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      comment:
        'What cannot be resolved cannot be checked. Client programs run where their packages are installed.',
      severity: 'error',
      from: { pathNot: '^scripts/clients/programs/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
