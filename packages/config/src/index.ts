export {
  gatewayHandOver,
  kmsHandOver,
  type GatewayHandOver,
  type KmsHandOver,
} from './hand-over.ts';
