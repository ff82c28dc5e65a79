export { type Config } from './config.ts';
export { type ConfigInputs } from './files/config-source.ts';
export {
  gatewayConfiguration,
  gatewaySlice,
  kmsConfiguration,
  kmsSlice,
  type GatewayConfiguration,
  type GatewayRuntime,
  type KmsConfiguration,
} from './process-configuration.ts';
export { parseDuration } from './values/duration.ts';
export { keyIdOf } from './values/key-id.ts';
export { readAccessKey } from './values/key-text.ts';
export { nearest } from './checks/nearest-name.ts';
export { loadConfig, UnreadableConfigError, type LoadedConfig } from './load.ts';
export { type UpstreamKey } from './keys/pool-keys.ts';
export { isLoopbackHost } from './checks/loopback-host.ts';
export { type Origin } from './files/override.ts';
export { readSmallFile } from './files/small-file.ts';
export { type SettingView } from './setting-views.ts';
export { type StatePaths } from './paths/state-paths.ts';
export { readRedisUrl, secretsInRedisUrl, type RedisUrl } from './values/redis-url.ts';
export { configJsonSchema } from './schema/config-file.ts';
export { isWeakAccessKey, weakKeyWords } from './checks/weak-access-keys.ts';
