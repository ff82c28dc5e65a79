export { type Config } from './config.ts';
export { type Surroundings } from './config-source.ts';
export {
  gatewayHandOver,
  gatewaySlice,
  kmsHandOver,
  kmsSlice,
  type GatewayHandOver,
  type GatewayRuntime,
  type KmsHandOver,
} from './hand-over.ts';
export { loadConfig, type LoadedConfig } from './load.ts';
export { type UpstreamKey } from './pool-keys.ts';
export { type Origin } from './replacement.ts';
export { configJsonSchema } from './schema.ts';
