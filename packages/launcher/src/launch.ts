import {
  gatewaySlice,
  kmsSlice,
  loadConfig,
  type GatewayHandOver,
  type KmsHandOver,
} from '@openrouter-proxy/config';
import {
  EXIT,
  createLogger,
  createMasker,
  isPretty,
  prepareStateFolder,
  systemClock,
  type ExitCode,
  type LogFormat,
  type Logger,
} from '@openrouter-proxy/runtime';
import { prepareAccessKey } from './access-key.ts';
import { childEnvironment } from './child-environment.ts';
import { gatewayProgram } from './gateway-program.ts';
import { kmsProgram } from './kms-program.ts';
import { DEFAULT_DEADLINES } from './readiness.ts';
import { DEFAULT_POLICY } from './restart-policy.ts';
import { makeRoleTokens, publishOperatorToken } from './role-tokens.ts';
import { scrubEnvironment } from './scrub-environment.ts';
import { findServiceManager } from './service-manager.ts';
import { reportTo } from './service-report.ts';
import { onStopSignals } from './stop-signals.ts';
import { banner, summarise, type Summary } from './summary.ts';
import { Supervisor } from './supervisor.ts';

/**
 * Runs the key management service and the gateway until they are stopped or given up, and resolves
 * with the exit code. Rejects with a StartupError when the configuration does not allow a start.
 */
export async function launch(configFile: string | undefined): Promise<ExitCode> {
  const environment = childEnvironment(process.env);
  const loaded = await loadConfig({ path: configFile, env: process.env, cwd: process.cwd() });
  const { config, secretsInEnvironment } = loaded;
  const isScrubbed = scrubEnvironment(secretsInEnvironment);
  await prepareStateFolder(config.state_dir);
  const { generated, place } = await prepareAccessKey(loaded);
  const tokens = makeRoleTokens();
  const forKms = kmsSlice(config, { tokens });
  const forGateway = gatewaySlice(config, { token: tokens.gateway, generatedAccessKey: generated });
  const logger = createLauncherLogger(forKms, forGateway);
  const warnings = isScrubbed ? [] : secretsInEnvironment.map(stillVisible);
  for (const warning of [...loaded.warnings, ...warnings]) logger.warning(warning);

  const supervisor = new Supervisor({
    policy: DEFAULT_POLICY,
    deadlines: DEFAULT_DEADLINES,
    environment,
    logger,
    clock: systemClock,
  });
  const kms = kmsProgram(forKms);
  const gateway = gatewayProgram(forGateway);
  const report = reportTo(findServiceManager(process.env, logger), [kms, gateway], systemClock);
  onStopSignals(process, systemClock, () => {
    report.stops();
    supervisor.stop();
  });
  return await supervisor.run([kms, gateway], async (program, { address, answer }) => {
    if (answer.kind === 'hindered') {
      logger.warning(`the ${program.name} is up, but hindered`, { reason: answer.reason });
    }
    if (program === kms) await publishOperatorToken(config.kms, tokens, logger);
    report.serves(program, address);
    if (address !== null) announce(summarise(address, place, forKms), forKms.log.format, logger);
  });
}

/** Says that everything serves: to a person in a block of text, elsewhere in a line of the log. */
function announce(summary: Summary, format: LogFormat, logger: Logger): void {
  if (isPretty(format)) process.stdout.write(banner(summary));
  else logger.info('ready', { ...summary });
}

/** The launcher's logger, which knows every secret of both hand-overs; an error nobody handles is its last line. */
function createLauncherLogger(forKms: KmsHandOver, forGateway: GatewayHandOver): Logger {
  const masker = createMasker();
  const { requestProxy } = forGateway.upstream;
  const secrets = [
    ...Object.values(forKms.tokens),
    ...forKms.keys.map(({ secret }) => secret),
    ...forGateway.accessKeys.map(({ key }) => key),
    ...(requestProxy === null ? [] : [requestProxy]),
  ];
  masker.add(...secrets.map((secret) => secret.reveal()));
  const logger = createLogger({ component: 'launcher', ...forKms.log, masker });
  process.on('uncaughtException', (error) => {
    logger.critical('stopping: an error nobody handled', { error, stack: error.stack });
    process.exit(EXIT.gaveUp); // the children notice, and end
  });
  return logger;
}

const stillVisible = (variable: string) =>
  `${variable} stays visible to other processes of this user; a file with mode 600 is not`;
