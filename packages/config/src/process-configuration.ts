import { join } from 'node:path';
import { HOUR_MS, type Secret } from '@openrouter-proxy/runtime';
import * as z from 'zod';
import type { Config } from './config.ts';
import { openrouterSection } from './schema/openrouter-section.ts';
import { upstreamKey } from './keys/pool-keys.ts';
import { accessKeyEntry, serverSection } from './schema/server-section.ts';
import { outputOf, secretCodec, settingGroup } from './schema/setting-output.ts';
import { SOCKET_ACCESS } from './paths/state-paths.ts';
import { redisFields } from './schema/state-section.ts';

/**
 * The longest time an answer may take after the deadline for its beginning. The leases of a gateway
 * that dies end much sooner: this bounds what a gateway that hangs can hold.
 */
const LONGEST_ANSWER_MS = 6 * HOUR_MS;

const kmsSettings = {
  redis: settingGroup(redisFields, { prefix: 'prefix', onOutage: 'on_outage' }),
  selection: settingGroup(openrouterSection, { strategy: 'key_selection_strategy' }),
  freeRequests: settingGroup(openrouterSection, {
    perMinute: 'free_requests_per_minute',
    perDay: 'free_requests_per_day',
  }),
  cooldown: settingGroup(openrouterSection, { rateLimitCooldownMs: 'rate_limit_cooldown' }),
  shutdown: settingGroup(serverSection, { shutdownGraceMs: 'shutdown_grace' }),
  metrics: settingGroup(serverSection, { system: 'enable_system_metrics' }),
  log: settingGroup(serverSection, { level: 'log_level', format: 'log_format' }),
  management: settingGroup(openrouterSection, { managementKey: 'management_key' }),
};

/**
 * The configuration of the key service: one line of JSON on its standard input. Durations are in
 * milliseconds. `z.encode(kmsConfiguration, value)` makes the JSON value, `kmsConfiguration.parse` reads it.
 */
export const kmsConfiguration = z.strictObject({
  /** Path of the Unix socket to listen on. */
  socket: z.string(),
  /** Who may connect to it. */
  socketAccess: z.enum(SOCKET_ACCESS),
  stateDir: z.string(),
  /** The Redis that shares the state with other machines; null: the state stays on this machine. */
  redis: z.strictObject({ ...kmsSettings.redis.shape, url: secretCodec }).nullable(),
  /** Each role proves itself with its token. */
  tokens: z.strictObject({ gateway: secretCodec, operator: secretCodec }),
  keys: z.array(upstreamKey),
  /** The key for the administration of accounts; null: there is none. It serves nothing else. */
  ...kmsSettings.management.shape,
  selection: z.strictObject({
    ...kmsSettings.selection.shape,
    /** Stay on the last used key while it can serve. */
    same: z.boolean(),
    /** Keep each conversation on one account. */
    affinity: z.boolean(),
  }),
  freeRequests: z.strictObject(kmsSettings.freeRequests.shape),
  ...kmsSettings.cooldown.shape,
  leaseTtlMs: z.int().nonnegative(),
  ...kmsSettings.shutdown.shape,
  metrics: z.strictObject(kmsSettings.metrics.shape),
  log: z.strictObject(kmsSettings.log.shape),
});

/** The configuration of the key service. */
export type KmsConfiguration = z.output<typeof kmsConfiguration>;

const gatewaySettings = {
  server: settingGroup(serverSection, {
    host: 'host',
    port: 'port',
    workers: 'workers',
    trustedProxies: 'trusted_proxies',
    publicUrl: 'public_url',
    maxBodyBytes: 'max_body_size',
    shutdownGraceMs: 'shutdown_grace',
  }),
  upstream: settingGroup(openrouterSection, {
    baseUrl: 'base_url',
    connectTimeoutMs: 'connect_timeout',
    firstByteTimeoutMs: 'first_byte_timeout',
  }),
  forwarding: settingGroup(openrouterSection, {
    deadlineMs: 'deadline',
    maxAttempts: 'max_attempts',
    queueTimeoutMs: 'queue_timeout',
    idleTimeoutMs: 'idle_timeout',
    keepaliveAfterMs: 'keepalive_after',
    googleRateDelayMs: 'google_rate_delay',
  }),
  rules: settingGroup(openrouterSection, {
    publicEndpoints: 'public_endpoints',
    freeOnly: 'free_only',
    countTokens: 'count_tokens',
    administration: 'administration',
    presets: 'presets',
  }),
  cache: settingGroup(openrouterSection, { enabled: 'enable_cache', ttlMs: 'cache_ttl' }),
  metrics: settingGroup(serverSection, {
    public: 'metrics_public',
    system: 'enable_system_metrics',
    tokens: 'enable_token_counting',
  }),
  log: settingGroup(serverSection, {
    level: 'log_level',
    httpLevel: 'http_log_level',
    format: 'log_format',
  }),
};

/**
 * The configuration of the gateway: one line of JSON on its standard input. Durations are in
 * milliseconds, sizes in bytes. `z.encode(gatewayConfiguration, value)` makes the JSON value,
 * `gatewayConfiguration.parse` reads it.
 */
export const gatewayConfiguration = z.strictObject({
  server: z.strictObject(gatewaySettings.server.shape),
  /** The clients' keys under their names in the log and the metrics. */
  accessKeys: z.array(outputOf(accessKeyEntry)),
  kms: z.strictObject({ socket: z.string(), token: secretCodec }),
  upstream: z.strictObject({
    ...gatewaySettings.upstream.shape,
    /** URL of the outgoing proxy, with its credentials; null: none. */
    requestProxy: secretCodec.nullable(),
  }),
  /** How long a request may take, and how often it is tried. */
  forwarding: z.strictObject(gatewaySettings.forwarding.shape),
  rules: z.strictObject({
    ...gatewaySettings.rules.shape,
    /** Keep each conversation on one account. */
    affinity: z.boolean(),
  }),
  /** The cache of the model list. */
  cache: z.strictObject(gatewaySettings.cache.shape),
  metrics: z.strictObject(gatewaySettings.metrics.shape),
  /** The folder for bodies that memory has no room for, and the bytes that this process may keep there. */
  spool: z.strictObject({ folder: z.string(), maxBytes: z.int().nonnegative() }),
  log: z.strictObject(gatewaySettings.log.shape),
});

/** The configuration of the gateway. */
export type GatewayConfiguration = z.output<typeof gatewayConfiguration>;

/** The key service's part of the configuration, with the tokens that the launcher made. */
export function kmsSlice(
  config: Config,
  { tokens }: Pick<KmsConfiguration, 'tokens'>,
): KmsConfiguration {
  const { server, openrouter, kms, state } = config;
  return {
    socket: kms.socket,
    socketAccess: kms.access,
    stateDir: config.state_dir,
    redis: state.backend === 'embedded' ? null : { ...kmsSettings.redis.of(state), url: state.url },
    tokens,
    keys: [...openrouter.keys],
    ...kmsSettings.management.of(openrouter),
    selection: {
      ...kmsSettings.selection.of(openrouter),
      same: openrouter.key_selection_opts.includes('same'),
      affinity: openrouter.key_selection_opts.includes('affinity'),
    },
    freeRequests: kmsSettings.freeRequests.of(openrouter),
    ...kmsSettings.cooldown.of(openrouter),
    leaseTtlMs: openrouter.deadline + LONGEST_ANSWER_MS,
    ...kmsSettings.shutdown.of(server),
    metrics: kmsSettings.metrics.of(server),
    log: kmsSettings.log.of(server),
  };
}

/** The gateway's secrets that the launcher makes. */
export interface GatewayRuntime {
  /** The gateway's token at the key service. */
  readonly token: Secret;
  /** The clients' key, where the configuration names none. */
  readonly generatedAccessKey: Secret | null;
}

/** The gateway's part of the configuration, with the secrets that the launcher made. It holds no upstream key. */
export function gatewaySlice(config: Config, runtime: GatewayRuntime): GatewayConfiguration {
  const { server, openrouter, kms } = config;
  const accessKey = server.access_key ?? runtime.generatedAccessKey;
  return {
    server: gatewaySettings.server.of(server),
    accessKeys: [
      ...(accessKey === null ? [] : [{ name: 'default', key: accessKey }]),
      ...server.access_keys,
    ],
    kms: { socket: kms.socket, token: runtime.token },
    upstream: { ...gatewaySettings.upstream.of(openrouter), requestProxy: config.requestProxy },
    forwarding: gatewaySettings.forwarding.of(openrouter),
    rules: {
      ...gatewaySettings.rules.of(openrouter),
      affinity: openrouter.key_selection_opts.includes('affinity'),
    },
    cache: gatewaySettings.cache.of(openrouter),
    metrics: gatewaySettings.metrics.of(server),
    spool: {
      folder: join(config.state_dir, 'spool'),
      maxBytes: Math.floor(server.spool_size / server.workers), // the limit holds for all workers together
    },
    log: gatewaySettings.log.of(server),
  };
}
