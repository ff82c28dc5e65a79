import type { Client, Place } from './client.ts';

const openAiUrl = ({ url }: Place) => `${url}/api/v1`;
const anthropicUrl = ({ url }: Place) => `${url}/api`;
const note = ({ work }: Place) => `${work}/note.txt`;
/** Packages that hold the program for this machine. */
const PLATFORM = `${process.platform}-${process.arch}`;
const CLAUDE_CODE = `@anthropic-ai/claude-code-${PLATFORM}/claude`;

const claudeCode = (prompt: string) =>
  [CLAUDE_CODE, '-p', prompt, '--allowedTools', 'Read'] as const;

const claudeEnvironment = ({ model }: Place, baseUrl: string, key: string) => ({
  ...{ ANTHROPIC_BASE_URL: baseUrl, ANTHROPIC_AUTH_TOKEN: key, ANTHROPIC_API_KEY: '' },
  ...{ ANTHROPIC_MODEL: model, ANTHROPIC_DEFAULT_HAIKU_MODEL: model },
  ...{ ANTHROPIC_DEFAULT_SONNET_MODEL: model, ANTHROPIC_DEFAULT_OPUS_MODEL: model },
  ...{ CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', DISABLE_AUTOUPDATER: '1' },
});

const codexConfig = (place: Place) => `
model = "${place.model}"
model_provider = "gateway"
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.gateway]
name = "OpenRouter gateway"
base_url = "${openAiUrl(place)}"
env_key = "GATEWAY_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
`;

/** Programs that work on code, and others with a command line. */
export const AGENTS: readonly Client[] = [
  {
    name: 'claude-code',
    packages: ['@anthropic-ai/claude-code@2.1.197'],
    tool: (place) => ({ name: 'Read', input: { file_path: note(place) } }),
    command: (_place, prompt) => claudeCode(prompt),
    environment: (place) => claudeEnvironment(place, anthropicUrl(place), place.accessKey),
  },
  {
    name: 'codex',
    packages: ['@openai/codex@0.171.0'],
    tool: () => ({ name: 'exec_command', input: { cmd: 'cat note.txt' } }),
    command: (_place, prompt) => [
      ...['@openai/codex/bin/codex.js', 'exec', '--skip-git-repo-check'],
      ...['--dangerously-bypass-approvals-and-sandbox', prompt],
    ],
    files: (place) => ({ '.codex/config.toml': codexConfig(place) }),
  },
  {
    name: 'opencode',
    packages: ['opencode-ai@1.18.33'],
    tool: (place) => ({ name: 'read', input: { filePath: note(place) } }),
    command: ({ model }, prompt) => [
      ...[`opencode-${PLATFORM}/bin/opencode`, 'run', '--model', `openrouter/${model}`],
      ...prompt.split(' '), // it puts a word with spaces into quotation marks
    ],
    environment: () => ({ OPENCODE_DISABLE_AUTOUPDATE: '1', OPENCODE_DISABLE_MODELS_FETCH: '1' }),
    files: (place) => ({
      '.config/opencode/opencode.json': {
        ...{ autoupdate: false, share: 'disabled', small_model: `openrouter/${place.model}` },
        provider: {
          openrouter: {
            options: { baseURL: openAiUrl(place), apiKey: place.accessKey },
            models: { [place.model]: {} },
          },
        },
      },
    }),
  },
  {
    name: 'qwen-code',
    packages: ['@qwen-code/qwen-code@0.15.10', `node-${PLATFORM}@22.23.5`],
    tool: (place) => ({ name: 'read_file', input: { file_path: note(place) } }),
    // Its `fetch` does not work with Node 26.
    command: ({ packages }, prompt) => [
      ...[`node-${PLATFORM}/bin/node`, `${packages}/node_modules/@qwen-code/qwen-code/cli.js`],
      ...['--auth-type', 'openai', '--yolo', '-p', prompt],
    ],
    environment: (place) => ({
      ...{ OPENAI_BASE_URL: openAiUrl(place), OPENAI_API_KEY: place.accessKey },
      ...{ OPENAI_MODEL: place.model, HTTP_PROXY: 'unset', HTTPS_PROXY: 'unset' }, // it ignores NO_PROXY
    }),
    files: () => ({
      '.qwen/settings.json': {
        ...{ telemetry: { enabled: false }, privacy: { usageStatisticsEnabled: false } },
        general: { disableAutoUpdate: true, enableAutoUpdate: false },
      },
    }),
  },
  {
    name: 'cline',
    packages: ['cline@3.0.65'],
    tool: (place) => ({ name: 'read_files', input: { files: [{ path: note(place) }] } }),
    command: (_place, prompt) => ['cline/bin/cline', '-P', 'openai', prompt],
    setUp: (place) => [
      ...['cline/bin/cline', 'auth', '-p', 'openai', '-k', place.accessKey],
      ...['-m', place.model, '-b', openAiUrl(place)],
    ],
  },
  {
    name: 'continue',
    packages: ['@continuedev/cli@1.5.47'],
    tool: (place) => ({ name: 'Read', input: { filepath: note(place) } }),
    command: ({ home }, prompt) => [
      ...['@continuedev/cli/dist/cn.js', '--config', `${home}/config.yaml`, '--auto', '-p', prompt],
    ],
    environment: () => ({
      CONTINUE_TELEMETRY_ENABLED: '0',
      CONTINUE_ALLOW_ANONYMOUS_TELEMETRY: '0',
    }),
    files: (place) => ({
      'config.yaml': {
        ...{ name: 'gateway', version: '1.0.0', schema: 'v1' },
        models: [
          {
            ...{ name: 'gateway', provider: 'openrouter', model: place.model },
            ...{ apiBase: openAiUrl(place), apiKey: place.accessKey },
            ...{ roles: ['chat'], capabilities: ['tool_use'] },
          },
        ],
      },
    }),
  },
  {
    name: 'pi',
    packages: ['@mariozechner/pi-coding-agent@0.73.1'],
    tool: (place) => ({ name: 'read', input: { path: note(place) } }),
    command: ({ model }, prompt) => [
      ...['@mariozechner/pi-coding-agent/dist/cli.js', '--offline', '--no-session', '-p'],
      ...['--provider', 'openrouter', '--model', model, prompt],
    ],
    environment: ({ accessKey }) => ({ OPENROUTER_API_KEY: accessKey, PI_OFFLINE: '1' }),
    files: (place) => ({
      '.pi/agent/models.json': { providers: { openrouter: { baseUrl: openAiUrl(place) } } },
    }),
  },
  {
    name: 'claude-code-router',
    packages: ['@musistudio/claude-code-router@2.0.0', '@anthropic-ai/claude-code@2.1.197'],
    tool: (place) => ({ name: 'Read', input: { file_path: note(place) } }),
    command: (_place, prompt) => claudeCode(prompt),
    environment: (place) => claudeEnvironment(place, `http://127.0.0.1:${place.port}`, 'router'),
    server: () => ['@musistudio/claude-code-router/dist/cli.js', 'start'],
    files: (place) => ({
      '.claude-code-router/config.json': {
        ...{ PORT: place.port, HOST: '127.0.0.1', APIKEY: 'router', LOG: false },
        Providers: [
          {
            ...{ name: 'gateway', api_base_url: `${openAiUrl(place)}/chat/completions` },
            ...{ api_key: place.accessKey, models: [place.model] },
            transformer: { use: ['openrouter'] },
          },
        ],
        Router: { default: `gateway,${place.model}` },
      },
    }),
  },
  {
    name: 'promptfoo',
    packages: ['promptfoo@0.121.20'],
    tool: null,
    isUnstreamed: true,
    command: ({ home }) => [
      ...['promptfoo/dist/src/entrypoint.js', 'eval', '--no-cache', '--no-progress-bar'],
      ...['-c', `${home}/promptfooconfig.yaml`],
    ],
    environment: ({ accessKey }) => ({
      ...{ OPENROUTER_API_KEY: accessKey, PROMPTFOO_DISABLE_TELEMETRY: '1' },
      ...{ PROMPTFOO_DISABLE_UPDATE: '1', PROMPTFOO_DISABLE_REMOTE_GENERATION: '1' },
    }),
    files: (place) => ({
      'promptfooconfig.yaml': {
        prompts: ['Hello {{name}}. Use no tool.'],
        providers: [{ id: `openrouter:${place.model}`, config: { apiBaseUrl: openAiUrl(place) } }],
        tests: [{ vars: { name: 'gateway' } }],
      },
    }),
  },
];
