export { freePort } from './free-port.ts';
export { Log, type LogLine } from './log.ts';
export {
  launchProduct,
  type LaunchOptions,
  type LaunchedProduct,
  type Settings,
} from './launch.ts';
export { PROGRAMS } from './programs.ts';
export { connectOperator, startProduct, type RunningProduct } from './running-product.ts';
