export { type Config } from './config.ts';
export { type ConfigInputs } from './config-source.ts';
export {
  gatewayConfiguration,
  gatewaySlice,
  kmsConfiguration,
  kmsSlice,
  type GatewayConfiguration,
  type GatewayRuntime,
  type KmsConfiguration,
} from './process-configuration.ts';
export { parseDuration } from './duration.ts';
export { keyIdOf } from './key-id.ts';
export { readAccessKey } from './key-text.ts';
export { nearest } from './edit-distance.ts';
export { loadConfig, UnreadableConfigError, type LoadedConfig } from './load.ts';
export { type UpstreamKey } from './pool-keys.ts';
export { isLoopbackHost } from './reachability.ts';
export { type Origin } from './replacement.ts';
export { readSmallFile } from './small-file.ts';
export { type SettingView } from './setting-views.ts';
export { type StatePaths } from './state-paths.ts';
export { readRedisUrl, secretsInRedisUrl, type RedisUrl } from './redis-url.ts';
export { configJsonSchema } from './schema.ts';
export { isWeakAccessKey, weakKeyWords } from './weak-access-keys.ts';
