import { z } from 'zod';
import { LOG_LEVELS, Secret } from '@openrouter-proxy/runtime';

/** A secret on its way to a child process: text on the wire, wrapped on both sides of it. */
const secret = z.codec(z.string(), z.instanceof(Secret), {
  decode: (text) => new Secret(text),
  encode: (wrapped) => wrapped.reveal(),
});

const milliseconds = z.int().nonnegative();
const logFormat = z.enum(['json', 'pretty', 'auto']);
const logLevel = z.enum(LOG_LEVELS);

/** What the launcher hands to the key management service: the keys, and how to choose among them. */
export const kmsHandOver = z.strictObject({
  socket: z.string(),
  stateDir: z.string(),
  tokens: z.strictObject({ gateway: secret, operator: secret }),
  keys: z.array(
    z.strictObject({ secret, name: z.string(), maxConcurrency: z.int().positive().nullable() }),
  ),
  selection: z.strictObject({
    strategy: z.enum(['round-robin', 'first', 'random', 'least-busy']),
    same: z.boolean(),
  }),
  rateLimitCooldownMs: milliseconds,
  leaseTtlMs: milliseconds,
  shutdownGraceMs: milliseconds,
  log: z.strictObject({ level: logLevel, format: logFormat }),
});
export type KmsHandOver = z.output<typeof kmsHandOver>;

/** What the launcher hands to the gateway: everything about clients and the upstream, and no key. */
export const gatewayHandOver = z.strictObject({
  host: z.string(),
  port: z.int(),
  accessKeys: z.array(z.strictObject({ name: z.string(), key: secret })),
  kms: z.strictObject({ socket: z.string(), token: secret }),
  upstream: z.strictObject({
    baseUrl: z.string(),
    requestProxy: secret.nullable(),
    connectTimeoutMs: milliseconds,
    firstByteTimeoutMs: milliseconds,
    idleTimeoutMs: milliseconds,
    deadlineMs: milliseconds,
    maxAttempts: z.int().positive().nullable(),
    providerRetryDelayMs: milliseconds,
  }),
  publicEndpoints: z.array(z.string()),
  modelsCache: z.strictObject({ enabled: z.boolean(), ttlMs: milliseconds }),
  metrics: z.strictObject({ public: z.boolean(), system: z.boolean() }),
  freeOnly: z.boolean(),
  maxBodyBytes: z.int().positive(),
  shutdownGraceMs: milliseconds,
  log: z.strictObject({ level: logLevel, httpLevel: logLevel, format: logFormat }),
});
export type GatewayHandOver = z.output<typeof gatewayHandOver>;
