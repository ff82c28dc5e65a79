import {
  gatewaySlice,
  kmsSlice,
  secretsInRedisUrl,
  loadConfig,
  type KmsHandOver,
  type LoadedConfig,
} from '@openrouter-proxy/config';
import {
  DEFAULT_POLICY,
  EXIT,
  createMasker,
  isPretty,
  prepareStateFolder,
  systemClock,
  type ExitCode,
  type LogFormat,
  type Logger,
  type ProcessLogger,
  type Secret,
} from '@openrouter-proxy/runtime';
import { createLogger } from '@openrouter-proxy/runtime/logger';
import { prepareAccessKey } from './access-key.ts';
import { childEnvironment } from './child-environment.ts';
import { compileCacheIn } from './compile-cache.ts';
import { gatewayProgram } from './gateway-program.ts';
import { kmsProgram } from './kms-program.ts';
import { DEFAULT_DEADLINES } from './readiness.ts';
import type { Program } from './program.ts';
import { readAgain } from './read-again.ts';
import { Reloader, type Slices } from './reload.ts';
import { answerReload } from './reload-request.ts';
import { makeRoleTokens, publishOperatorToken } from './role-tokens.ts';
import { RunningChildren } from './running-children.ts';
import { scrubEnvironment } from './scrub-environment.ts';
import { findServiceManager } from './service-manager.ts';
import { reportTo } from './service-report.ts';
import { onSignals } from './signals.ts';
import { banner, summarise, type Summary } from './summary.ts';
import { Supervisor } from './supervisor.ts';

/** How long new workers may take to serve. */
const RENEW_MS = 600_000;

/** Everything a start reads and makes before anything runs. */
interface Prepared {
  /** Of every child process. */
  readonly environment: Readonly<Record<string, string>>;
  /** Reads the configuration again. */
  readonly load: () => Promise<LoadedConfig>;
  readonly loaded: LoadedConfig;
  readonly tokens: KmsHandOver['tokens'];
  /** Where a person finds the access key. */
  readonly accessKeyPlace: string;
  readonly slices: Slices;
  readonly warnings: readonly string[];
}

/**
 * Runs the key management service and the gateway until they are stopped or given up, and resolves
 * with the exit code. Rejects with a StartupError when the configuration does not allow a start.
 */
export async function launch(configFile: string | undefined): Promise<ExitCode> {
  const prepared = await prepare(configFile);
  const { environment, loaded, tokens, accessKeyPlace: place } = prepared;
  const { logger, addSecrets } = createLauncherLogger(prepared.slices);
  for (const warning of prepared.warnings) logger.warning(warning);

  const children = new RunningChildren(logger);
  const kms = kmsProgram(
    () => reloader.slices.kms,
    (what) => answerReload(what, reload),
  );
  const reloader = createReloader(prepared, logger, addSecrets, () =>
    children.configure([kms, gateway]),
  );
  const gateway = gatewayProgram(() => reloader.slices.gateway);
  const report = reportTo(findServiceManager(process.env, logger), [kms, gateway], systemClock);
  const reload = (dryRun: boolean) => report.reloading(() => reloader.reload(dryRun));
  const supervisor = new Supervisor({
    ...{ policy: DEFAULT_POLICY, deadlines: DEFAULT_DEADLINES },
    ...{ environment, logger, clock: systemClock },
  });
  onSignals(process, systemClock, {
    stop: () => {
      report.stops();
      supervisor.stop();
    },
    reload: () => void reload(false),
    renew: () => void renewWorkers(children, gateway, logger),
  });
  return await supervisor.run([kms, gateway], async (program, { address, answer }, child) => {
    await children.add(program, child);
    if (answer.kind === 'hindered') {
      logger.warning(`the ${program.name} is up, but hindered`, { reason: answer.reason });
    }
    if (program === kms) await publishOperatorToken(loaded.config.kms, tokens, logger);
    report.serves(program, address);
    const { kms: forKms } = reloader.slices;
    if (address !== null) announce(summarise(address, place, forKms), forKms.log.format, logger);
  });
}

/** Has the gateway replace its workers one after the other, which drops no request. */
async function renewWorkers(
  children: RunningChildren,
  gateway: Program,
  logger: Logger,
): Promise<void> {
  const { stopGraceMs } = gateway;
  const answer = await children.ask(gateway, { renew: true }, 2 * stopGraceMs + RENEW_MS);
  if (answer === null) logger.warning('the gateway has no workers to renew: see server.workers');
}

async function prepare(path: string | undefined): Promise<Prepared> {
  const env = { ...process.env }; // what was there at the start is what is read again
  const load = () => loadConfig({ path, env, cwd: process.cwd() });
  const loaded = await load();
  const { config, secretsInEnvironment } = loaded;
  const isScrubbed = scrubEnvironment(secretsInEnvironment);
  await prepareStateFolder(config.state_dir);
  const { generated, place } = await prepareAccessKey(loaded);
  const tokens = makeRoleTokens();
  const runtime = { token: tokens.gateway, generatedAccessKey: generated };
  const warnings = isScrubbed ? [] : secretsInEnvironment.map(stillVisible);
  const NODE_COMPILE_CACHE = compileCacheIn(config.state_dir);
  return {
    environment: { ...childEnvironment(process.env), NODE_COMPILE_CACHE },
    ...{ load: () => readAgain(loaded.file, load), loaded, tokens },
    accessKeyPlace: place,
    slices: { kms: kmsSlice(config, { tokens }), gateway: gatewaySlice(config, runtime) },
    warnings: [...loaded.warnings, ...warnings],
  };
}

function createReloader(
  { load, loaded, tokens, slices }: Prepared,
  logger: ProcessLogger,
  addSecrets: (slices: Slices) => void,
  configure: () => Promise<string | null>,
): Reloader {
  const runtime = async (changed: LoadedConfig) => {
    const { generated } = await prepareAccessKey(changed);
    return { token: tokens.gateway, generatedAccessKey: generated };
  };
  const onSlices = (changed: Slices) => {
    addSecrets(changed);
    logger.setLevel(changed.kms.log.level);
  };
  const parts = { load, tokens, runtime, onSlices, configure, logger };
  return new Reloader(parts, loaded.config, slices);
}

/** Says that everything serves: to a person in a block of text, elsewhere in a line of the log. */
function announce(summary: Summary, format: LogFormat, logger: Logger): void {
  if (isPretty(format)) process.stdout.write(banner(summary));
  else logger.info('ready', { ...summary });
}

/** The launcher's logger, which masks every secret it is told of; an error nobody handles is its last line. */
function createLauncherLogger(slices: Slices) {
  const masker = createMasker();
  const addSecrets = (changed: Slices) =>
    masker.add(...secretsOf(changed).map((secret) => secret.reveal()));
  addSecrets(slices);
  const logger = createLogger({ component: 'launcher', ...slices.kms.log, masker });
  process.on('uncaughtException', (error) => {
    logger.critical('stopping: an error nobody handled', { error, stack: error.stack });
    process.exit(EXIT.gaveUp); // the children notice, and end
  });
  return { logger, addSecrets };
}

function secretsOf({ kms, gateway }: Slices): Secret[] {
  const { requestProxy } = gateway.upstream;
  return [
    ...Object.values(kms.tokens),
    ...kms.keys.map(({ secret }) => secret),
    ...gateway.accessKeys.map(({ key }) => key),
    ...(requestProxy === null ? [] : [requestProxy]),
    ...(kms.redis === null ? [] : secretsInRedisUrl(kms.redis.url)),
  ];
}

const stillVisible = (variable: string) =>
  `${variable} stays visible to other processes of this user; a file with mode 600 is not`;
