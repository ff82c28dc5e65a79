export { systemClock, type Clock } from './clock.ts';
export { EXIT, StartupError, type ExitCode } from './exit-code.ts';
export { LauncherLink, isAsked, isConfigured, type LinkMessage } from './launcher-link.ts';
export { LOG_LEVELS, type LogFields, type LogLevel } from './log-line.ts';
export {
  createLogger,
  isPretty,
  type LogFormat,
  type Logger,
  type LoggerOptions,
} from './logger.ts';
export { createMasker, type Masker } from './mask.ts';
export { type Address, type ReadyMessage } from './ready.ts';
export { Secret } from './secret.ts';
export { explainFailedStart, runService, type Service } from './service.ts';
export { prepareStateFolder } from './state-folder.ts';
