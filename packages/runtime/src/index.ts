export { systemClock, type Clock } from './clock.ts';
export { EXIT, StartupError, type ExitCode } from './exit-code.ts';
export { configureOver } from './configure.ts';
export { IpcLink, type Answering } from './ipc-link.ts';
export { LOG_LEVELS, type LogFields, type LogLevel } from './log-line.ts';
export {
  createLogger,
  isPretty,
  type LogFormat,
  type Logger,
  type LoggerOptions,
  type ProcessLogger,
} from './logger.ts';
export { createMasker, type Masker } from './mask.ts';
export { type Address, type ReadyMessage } from './ready.ts';
export { DEFAULT_POLICY, NO_CRASHES, afterEnd, type RestartPolicy } from './restart-policy.ts';
export { Secret } from './secret.ts';
export { explainFailedStart, runService, type LauncherLink, type Service } from './service.ts';
export { prepareStateFolder } from './state-folder.ts';
