import { expect, test } from 'vitest';
import { load, newKey } from './support.ts';

const withKeys = (yaml: string) => yaml.replaceAll(/sk-or-v1-your-[\w-]+/g, () => newKey());

/** As in the documentation this product was built from. */
const SEED = `
# Server settings
server:
  host: "0.0.0.0" # Interface to bind to
  port: 5555 # Port to listen on
  access_key: "a_local_access_key" # Authentication key
  log_level: "INFO" # Logging level (DEBUG, INFO, WARNING, ERROR, CRITICAL)
  http_log_level: "INFO" # HTTP access logs level (DEBUG, INFO, WARNING, ERROR, CRITICAL)

# OpenRouter API settings
openrouter:
  keys:
    - "sk-or-v1-your-first-api-key"
    - "sk-or-v1-your-second-api-key"
    - "sk-or-v1-your-third-api-key"

  # Cache settings for free models endpoint
  enable_cache: true # Enable response caching
  cache_ttl: 300 # Cache lifetime in seconds (5 minutes)

  base_url: "https://openrouter.ai/api/v1" # OpenRouter API endpoint
  public_endpoints: ["/api/v1/models"] # No auth required

  # Key selection strategy: "round-robin" (default), "first" or "random".
  key_selection_strategy: "round-robin"
  # Options: ["same"] to prefer last used key
  key_selection_opts: []

  # When keys get rate limited
  rate_limit_cooldown: 14400 # 4 hours
  free_only: false # Only show free models
  google_rate_delay: 0 # Delay for Google API issues

# Outgoing proxy configuration
requestProxy:
  enabled: false # Enable to use proxy
  url: "socks5://user:pass@proxy.com:1080" # Proxy URL with credentials
`;

/** Aculeasis/openrouter-proxy, with what its code puts up with. */
const FIRST = `
server:
  host: "0.0.0.0"
  port: 5555
  access_key: a_local_access_key
  log_level: "debug"
  http_log_level: warning
openrouter:
  keys:
    - sk-or-v1-your-first-api-key
    - sk-or-v1-your-second-api-key
  key_selection_strategy: "first"
  key_selection_opts: ["same"]
  base_url: "https://openrouter.ai/api/v1/"
  public_endpoints: null
  rate_limit_cooldown: 14400
  free_only: yes
  global_rate_delay: 2.5
requestProxy:
  enabled: off
  url: ""
`;

/** djs21/openrouter-proxy-rewrite while it had a key service of its own. */
const SECOND = `
server:
  host: 0.0.0.0
  port: "5555"
  access_key: a_local_access_key
  log_level: INFO
  http_log_level: INFO
  enable_system_metrics: False
  enable_token_counting: true
openrouter:
  keys:
    - sk-or-v1-your-first-api-key
  key_selection_strategy: random
  key_selection_opts:
  base_url: https://openrouter.ai/api/v1
  public_endpoints:
    - api/v1/models
    - ""
  enable_cache: true
  cache_ttl: "3600"
  rate_limit_cooldown: 14400
  free_only: false
  google_rate_delay: 0
requestProxy:
  enabled: true
  url: http://user:pass@proxy.example:8080
kms:
  host: 0.0.0.0
  port: 5556
  url: http://localhost:5556
`;

test('the configuration of the documentation loads as it is', async () => {
  const { config, warnings } = await load(withKeys(SEED));
  expect(warnings).toEqual([]);
  expect(config.server.access_key?.reveal()).toBe('a_local_access_key');
  expect(config).toMatchObject({
    server: { host: '0.0.0.0', port: 5555, log_level: 'INFO', http_log_level: 'INFO' },
    openrouter: {
      keys: [{ name: 'key-1' }, { name: 'key-2' }, { name: 'key-3' }],
      enable_cache: true,
      cache_ttl: 300_000,
      base_url: 'https://openrouter.ai/api/v1',
      public_endpoints: ['/api/v1/models'],
      key_selection_strategy: 'round-robin',
      key_selection_opts: [],
      rate_limit_cooldown: 14_400_000,
      free_only: false,
      google_rate_delay: 0,
    },
    requestProxy: null,
  });
});

test('a configuration of the first ancestor loads as it is', async () => {
  const { config, warnings } = await load(withKeys(FIRST));
  expect(warnings).toEqual([]);
  expect(config).toMatchObject({
    server: { log_level: 'DEBUG', http_log_level: 'WARNING' },
    openrouter: {
      keys: [{ name: 'key-1' }, { name: 'key-2' }],
      key_selection_strategy: 'first',
      key_selection_opts: ['same'],
      base_url: 'https://openrouter.ai/api/v1',
      public_endpoints: [],
      free_only: true,
      google_rate_delay: 2_500,
    },
    requestProxy: null,
  });
});

test('a configuration of the second ancestor loads, with warnings about what it no longer means', async () => {
  const { config, warnings } = await load(withKeys(SECOND));
  expect(warnings.map((warning) => warning.split(': ')[1])).toEqual([
    'kms.host',
    'kms.port',
    'kms.url',
  ]);
  expect(config.requestProxy?.reveal()).toBe('http://user:pass@proxy.example:8080');
  expect(config).toMatchObject({
    server: { port: 5555, enable_system_metrics: false },
    openrouter: {
      key_selection_strategy: 'random',
      key_selection_opts: [],
      public_endpoints: ['/api/v1/models'],
      cache_ttl: 3_600_000,
    },
  });
});
