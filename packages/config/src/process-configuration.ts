import { join } from 'node:path';
import * as z from 'zod';
import { LOG_LEVELS, Secret } from '@openrouter-proxy/runtime';
import type { Config } from './config.ts';
import { KEY_SELECTION_STRATEGIES, LOG_FORMATS, OUTAGE_POLICIES, TOKEN_COUNTS } from './choices.ts';

/**
 * A deadline ends with the beginning of an answer; this is for the answer itself. A gateway that dies
 * loses its leases much sooner: this only bounds what a gateway that hangs can hold.
 */
const LONGEST_ANSWER_MS = 6 * 3_600_000;

const secret = z.codec(z.string(), z.instanceof(Secret), {
  decode: (text) => new Secret(text),
  encode: (wrapped) => wrapped.reveal(),
});
const milliseconds = z.number().nonnegative();
const log = z.strictObject({ level: z.enum(LOG_LEVELS), format: z.enum(LOG_FORMATS) });

/**
 * What the launcher gives the key service: one line of JSON on its standard input. Durations are in
 * milliseconds. `z.encode(kmsConfiguration, value)` makes the JSON value, `kmsConfiguration.parse` reads it.
 */
export const kmsConfiguration = z.strictObject({
  /** Path of the Unix socket to listen on. */
  socket: z.string(),
  /** Who may connect to it. */
  socketAccess: z.enum(['owner', 'group']),
  stateDir: z.string(),
  /** Where the state is shared with other machines; null: it is this machine's alone. */
  redis: z
    .strictObject({ url: secret, prefix: z.string(), onOutage: z.enum(OUTAGE_POLICIES) })
    .nullable(),
  /** What callers prove their role with. */
  tokens: z.strictObject({ gateway: secret, operator: secret }),
  keys: z.array(
    z.strictObject({
      secret,
      name: z.string(),
      /** The account it is said to belong to. */
      account: z.string().nullable(),
      /** Requests at the same time; null means without limit. */
      maxConcurrency: z.int().positive().nullable(),
    }),
  ),
  selection: z.strictObject({
    strategy: z.enum(KEY_SELECTION_STRATEGIES),
    /** Stay on the last used key while it can serve. */
    same: z.boolean(),
    /** Keep each conversation on one account. */
    affinity: z.boolean(),
  }),
  /** Requests to `:free` models that an account may make. */
  freeRequests: z.strictObject({
    perMinute: z.int().positive(),
    /** Null: to be learnt. */
    perDay: z.int().positive().nullable(),
  }),
  /** For a limit that does not say when it ends. */
  rateLimitCooldownMs: milliseconds,
  leaseTtlMs: milliseconds,
  shutdownGraceMs: milliseconds,
  /** Whether the service measures its own process. */
  processMetrics: z.boolean(),
  log,
});

/** What the key service runs with. */
export type KmsConfiguration = z.output<typeof kmsConfiguration>;

/**
 * What the launcher gives the gateway: one line of JSON on its standard input. Durations are in
 * milliseconds, sizes in bytes. `z.encode(gatewayConfiguration, value)` makes the JSON value,
 * `gatewayConfiguration.parse` reads it.
 */
export const gatewayConfiguration = z.strictObject({
  host: z.string(),
  /** 0 means any free port. */
  port: z.int(),
  /** How many processes answer requests; with one, it is the gateway's own. */
  workers: z.int().positive(),
  /** The clients' keys under the names they go by in the log and the metrics. */
  accessKeys: z.array(z.strictObject({ name: z.string(), key: secret })),
  kms: z.strictObject({ socket: z.string(), token: secret }),
  upstream: z.strictObject({
    baseUrl: z.string(),
    /** URL of the outgoing proxy, with its credentials; null means none. */
    requestProxy: secret.nullable(),
    connectTimeoutMs: milliseconds,
    firstByteTimeoutMs: milliseconds,
    idleTimeoutMs: milliseconds,
    /** 0 means never. */
    keepaliveAfterMs: milliseconds,
    deadlineMs: milliseconds,
    /** Null means as many as there are keys. */
    maxAttempts: z.int().positive().nullable(),
    providerRetryDelayMs: milliseconds,
  }),
  /** How long a request may wait for a key. */
  queueTimeoutMs: milliseconds,
  /** Whether conversations are told apart, so that each can stay on one account. */
  affinity: z.boolean(),
  /** Paths with a leading and without a trailing slash. */
  publicEndpoints: z.array(z.string()),
  /** IP addresses and CIDR blocks of the proxies whose X-Forwarded-For is believed. */
  trustedProxies: z.array(z.string()),
  modelsCache: z.strictObject({ enabled: z.boolean(), ttlMs: milliseconds }),
  metrics: z.strictObject({
    /** Served without an access key. */
    public: z.boolean(),
    /** Shows the CPU and memory of the machine. */
    system: z.boolean(),
    /** Reads what answers used. */
    tokens: z.boolean(),
  }),
  freeOnly: z.boolean(),
  /** Who answers `POST /messages/count_tokens`. */
  countTokens: z.enum(TOKEN_COUNTS),
  maxBodyBytes: z.int(),
  /** Where bodies are kept that memory has no room for, and how many bytes this process may keep there. */
  spool: z.strictObject({ folder: z.string(), maxBytes: z.int().nonnegative() }),
  shutdownGraceMs: milliseconds,
  log: log.extend({ httpLevel: z.enum(LOG_LEVELS) }),
});

/** What the gateway runs with. */
export type GatewayConfiguration = z.output<typeof gatewayConfiguration>;

/** What the key service needs of the configuration, with the tokens the launcher made. */
export function kmsSlice(
  config: Config,
  { tokens }: Pick<KmsConfiguration, 'tokens'>,
): KmsConfiguration {
  const { server, openrouter, kms, state } = config;
  return {
    socket: kms.socket,
    socketAccess: kms.access,
    stateDir: config.state_dir,
    redis: redisOf(state),
    tokens,
    keys: [...openrouter.keys],
    selection: {
      strategy: openrouter.key_selection_strategy,
      same: openrouter.key_selection_opts.includes('same'),
      affinity: openrouter.key_selection_opts.includes('affinity'),
    },
    freeRequests: {
      perMinute: openrouter.free_requests_per_minute,
      perDay: openrouter.free_requests_per_day,
    },
    rateLimitCooldownMs: openrouter.rate_limit_cooldown,
    leaseTtlMs: openrouter.deadline + LONGEST_ANSWER_MS,
    shutdownGraceMs: server.shutdown_grace,
    processMetrics: server.enable_system_metrics,
    log: { level: server.log_level, format: server.log_format },
  };
}

function redisOf(state: Config['state']): KmsConfiguration['redis'] {
  if (state.backend === 'embedded') return null;
  const { url, prefix, on_outage: onOutage } = state;
  return { url, prefix, onOutage };
}

/** What the gateway needs that the launcher makes. */
export interface GatewayRuntime {
  /** The gateway's token at the key service. */
  readonly token: Secret;
  /** The clients' key, where the configuration names none. */
  readonly generatedAccessKey: Secret | null;
}

/** What the gateway needs of the configuration, with what the launcher made. It holds no upstream key. */
export function gatewaySlice(config: Config, runtime: GatewayRuntime): GatewayConfiguration {
  const { server, openrouter, kms } = config;
  const accessKey = server.access_key ?? runtime.generatedAccessKey;
  return {
    host: server.host,
    workers: server.workers,
    port: server.port,
    accessKeys: [
      ...(accessKey === null ? [] : [{ name: 'default', key: accessKey }]),
      ...server.access_keys,
    ],
    kms: { socket: kms.socket, token: runtime.token },
    upstream: {
      baseUrl: openrouter.base_url,
      requestProxy: config.requestProxy,
      connectTimeoutMs: openrouter.connect_timeout,
      firstByteTimeoutMs: openrouter.first_byte_timeout,
      idleTimeoutMs: openrouter.idle_timeout,
      keepaliveAfterMs: openrouter.keepalive_after,
      deadlineMs: openrouter.deadline,
      maxAttempts: openrouter.max_attempts,
      providerRetryDelayMs: openrouter.google_rate_delay,
    },
    queueTimeoutMs: openrouter.queue_timeout,
    affinity: openrouter.key_selection_opts.includes('affinity'),
    publicEndpoints: openrouter.public_endpoints,
    trustedProxies: server.trusted_proxies,
    modelsCache: { enabled: openrouter.enable_cache, ttlMs: openrouter.cache_ttl },
    metrics: {
      public: server.metrics_public,
      system: server.enable_system_metrics,
      tokens: server.enable_token_counting,
    },
    ...{ freeOnly: openrouter.free_only, countTokens: openrouter.count_tokens },
    maxBodyBytes: server.max_body_size,
    spool: spoolOf(config),
    shutdownGraceMs: server.shutdown_grace,
    log: { level: server.log_level, httpLevel: server.http_log_level, format: server.log_format },
  };
}

/** The limit is of all worker processes together. */
function spoolOf({ server, state_dir: stateDir }: Config): GatewayConfiguration['spool'] {
  const maxBytes = Math.floor(server.spool_size / server.workers);
  return { folder: join(stateDir, 'spool'), maxBytes };
}
