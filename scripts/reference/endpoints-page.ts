import { ENDPOINTS, UNKNOWN_ENDPOINT } from '@openrouter-proxy/gateway/endpoints';

type Endpoint = (typeof ENDPOINTS)[number];
type EndpointClass = Endpoint['class'];

const HEAD = `# Endpoints

How the gateway treats each endpoint of OpenRouter's API. Paths are relative to \`/api/v1\` (\`/v1\` means the same); a path that begins with \`/api/\` lies outside it.
\`{name}\` is a parameter, \`*\` as a method every other method, \`/*\` at the end everything below. Paths under \`/cursor\` are treated as the paths behind it.
Upper and lower case, percent-encoding and one slash at the end make no difference. A path that two servers could read differently is refused with 400.

| column | meaning |
| --- | --- |
| key | \`leased\`: under a key of the pool. \`none\`: without a key. \`management\`: refused with 403, unless \`openrouter.administration\` is \`allow\`; then under \`openrouter.management_key\`. \`gateway\`: answered here, OpenRouter is not asked |
| account | the object that decides which account serves. An object is visible to the client that made it only |
| again | when a request is sent again after a failure. \`always\`: it changes nothing. \`before content\`: until the client has content. \`not taken\`: only if OpenRouter certainly did no work: no connection, or a refusal for the sake of the key (401, 402, 403, 429) |
| cost | where the cost stands. \`document\`: in the answer's \`usage\`. \`job\`: in the completed job. \`generation\`: in \`GET /generation\`. \`unknown\`: nowhere |
`;

const TITLES: Readonly<Record<EndpointClass, string>> = {
  text: 'Inference in text',
  media: 'Inference in other media',
  jobs: 'Jobs',
  files: 'Files',
  generations: 'Generations',
  presets: 'Presets',
  account: "The client's own view",
  catalogue: 'Models and providers',
  data: 'Statistics',
  administration: 'Administration',
  unknown: 'Everything else',
};

const keyOf = ({ answeredBy, key }: Endpoint) => (answeredBy === 'gateway' ? 'gateway' : key);

function accountOf({ binds, creates, lists }: Endpoint): string {
  const about = binds && `of the ${binds.object}`;
  const made = creates && `makes a ${creates}`;
  const listed = lists && `lists each ${lists} of the client`;
  return [about, made, listed].filter((part) => part !== null).join('; ');
}

function rowOf(endpoint: Endpoint): string {
  const { method, pattern, repeat, usage, body, answer } = endpoint;
  const cells = [`\`${method} ${pattern}\``, keyOf(endpoint), accountOf(endpoint)];
  const words = [repeat.replace('-', ' '), usage, body, answer].map((word) =>
    word === 'none' ? '' : word.replaceAll('-', ' '),
  );
  return `| ${[...cells, ...words].join(' | ')} |`;
}

/** docs/endpoints.md, from the gateway's table. */
export function endpointsPage(): string {
  const all = [...ENDPOINTS, UNKNOWN_ENDPOINT];
  const sections = Object.entries(TITLES).map(([name, title]) => {
    const rows = all.filter((endpoint) => endpoint.class === name).map(rowOf);
    const head = ['| endpoint | key | account | again | cost | body | answer |'];
    return [`## ${title}\n`, ...head, '|---|---|---|---|---|---|---|', ...rows].join('\n');
  });
  return [HEAD, ...sections].join('\n\n');
}
