export { systemClock, type Clock } from './clock.ts';
export { EXIT, StartupError, type ExitCode } from './process/exit-code.ts';
export { configureOver } from './process/configure.ts';
export { installationOf, type Installation } from './process/installation.ts';
export { IpcLink, type Answering } from './process/ipc-link.ts';
export {
  LOG_LEVELS,
  isPretty,
  type LogFields,
  type LogFormat,
  type LogLevel,
} from './logging/log-line.ts';
export type { Logger, LoggerOptions, ProcessLogger } from './logging/logger.ts';
export { outputTaken } from './logging/log-output.ts';
export { createMasker, type Masker } from './logging/mask.ts';
export { plain } from './logging/plain.ts';
export { type Address, type ReadyMessage } from './process/ready.ts';
export {
  DEFAULT_POLICY,
  NO_CRASHES,
  afterEnd,
  type RestartPolicy,
} from './process/restart-policy.ts';
export { createPrivateFile, preparePrivateFile, replacePrivateFile } from './private-file.ts';
export { Secret } from './logging/secret.ts';
export {
  explainFailedStart,
  runService,
  type LauncherLink,
  type Service,
} from './process/service.ts';
export { packageVersion } from './process/package-version.ts';
export { MAX_SOCKET_PATH_BYTES } from './socket-path.ts';
export { prepareStateFolder, requireUnixSockets, StateFolderError } from './state-folder.ts';
export { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './time.ts';
