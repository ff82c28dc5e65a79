import { randomFillSync } from 'node:crypto';
import { kmsConfiguration, secretsInRedisUrl } from '@openrouter-proxy/config';
import {
  localInWords,
  reloadReport,
  utcInWords,
  type ReloadReport,
} from '@openrouter-proxy/kms-protocol';
import {
  createMasker,
  installationOf,
  isPretty,
  packageVersion,
  runService,
  systemClock,
  type LauncherLink,
} from '@openrouter-proxy/runtime';
import { createLogger } from '@openrouter-proxy/runtime/logger';
import { startDaemon } from './daemon.ts';

/** The launcher reads the configuration, and configures its other children too. */
const RELOAD_TIMEOUT_MS = 20_000;
const NO_LAUNCHER: ReloadReport = {
  outcome: 'refused',
  problems: [
    `the launcher does not answer: was this service started by \`${installationOf().startCommand}\`?`,
  ],
  warnings: [],
  changes: [],
  needsRestart: [],
};

const reloadBy = (launcher: LauncherLink) => async (dryRun: boolean) => {
  const answer = await launcher.ask({ reload: { dryRun } }, RELOAD_TIMEOUT_MS);
  return answer === null ? NO_LAUNCHER : reloadReport.parse(answer);
};

process.umask(0o077);
await runService(async (json, launcher) => {
  const configuration = kmsConfiguration.parse(json);
  const masker = createMasker();
  const { gateway, operator } = configuration.tokens;
  const ofRedis = configuration.redis === null ? [] : secretsInRedisUrl(configuration.redis.url);
  const secrets = [
    gateway,
    operator,
    ...configuration.keys.map(({ secret }) => secret),
    ...(configuration.managementKey === null ? [] : [configuration.managementKey]),
    ...ofRedis,
  ];
  masker.add(...secrets.map((secret) => secret.reveal()));
  const logger = createLogger({ component: 'kms', ...configuration.log, masker });
  const daemon = await startDaemon(configuration, {
    clock: systemClock,
    logger,
    instantInWords: isPretty(configuration.log.format) ? localInWords : utcInWords,
    version: packageVersion(new URL('../package.json', import.meta.url)),
    random: Math.random,
    randomFill: (bytes) => randomFillSync(bytes),
    reload: reloadBy(launcher),
  });
  return {
    logger,
    drain: () => daemon.drain(),
    async configure(changed) {
      const next = kmsConfiguration.parse(changed);
      masker.add(...next.keys.map(({ secret }) => secret.reveal()));
      await daemon.configure(next);
      logger.setLevel(next.log.level);
    },
  };
});
