import {
  gatewaySlice,
  kmsSlice,
  secretsInRedisUrl,
  loadConfig,
  type KmsConfiguration,
  type LoadedConfig,
  type ConfigInputs,
} from '@openrouter-proxy/config';
import { localInWords, utcInWords } from '@openrouter-proxy/kms-protocol';
import {
  DEFAULT_POLICY,
  EXIT,
  createMasker,
  isPretty,
  systemClock,
  type Address,
  type ExitCode,
  type Logger,
  type ProcessLogger,
  type Secret,
} from '@openrouter-proxy/runtime';
import { createLogger } from '@openrouter-proxy/runtime/logger';
import { accessKeyPlace, generatedAccessKey } from './secrets/access-key.ts';
import { childEnvironment } from './programs/child-environment.ts';
import { compileCacheIn } from './programs/compile-cache.ts';
import { hostPlace } from './announcements/host-place.ts';
import { gatewayProgram } from './programs/gateway-program.ts';
import { nameGeneratedKeyFile } from './secrets/generated-key-file.ts';
import { keyVerdicts, verdictBlock, verdictSummary } from './announcements/key-verdicts.ts';
import { kmsProgram } from './programs/kms-program.ts';
import { DEFAULT_DEADLINES } from './supervision/readiness.ts';
import type { Program } from './supervision/program.ts';
import { readAgain } from './reload/read-again.ts';
import { Reloader, type Slices } from './reload/reloader.ts';
import { answerReload } from './reload/reload-request.ts';
import { makeRoleTokens, publishOperatorToken } from './secrets/role-tokens.ts';
import { RunningChildren } from './supervision/running-children.ts';
import { scrubEnvironment } from './secrets/scrub-environment.ts';
import { findServiceManager } from './machine/service-manager.ts';
import { reportTo } from './machine/service-report.ts';
import { onSignals } from './machine/signals.ts';
import { machineAddresses } from './machine/machine-addresses.ts';
import { loadWithStateFolder } from './machine/state-folder-place.ts';
import { banner, reachableWarning, summarise } from './announcements/summary.ts';
import { Supervisor } from './supervision/supervisor.ts';
import { watchTerminal } from './machine/terminal.ts';

/** The options of the command line. */
type CommandLine = Pick<ConfigInputs, 'path' | 'listen'>;

/** Maximum time until new workers are ready. */
const RENEW_MS = 600_000;

/** Everything that a start reads and creates before it starts programs. */
interface Prepared {
  /** Environment variables of every child process. */
  readonly environment: Readonly<Record<string, string>>;
  /** Reads the configuration again. */
  readonly load: () => Promise<LoadedConfig>;
  readonly loaded: LoadedConfig;
  readonly tokens: KmsConfiguration['tokens'];
  readonly slices: Slices;
  readonly warnings: readonly string[];
}

/**
 * Runs the key management service and the gateway until they are stopped or given up, and resolves
 * with the exit code. Rejects with a StartupError when the configuration does not allow a start.
 */
export async function launch(commandLine: CommandLine): Promise<ExitCode> {
  const prepared = await prepare(commandLine);
  const { environment, loaded, tokens } = prepared;
  const { logger, addSecrets } = createLauncherLogger(prepared.slices);
  for (const warning of prepared.warnings) logger.warning(warning);

  const children = new RunningChildren(logger);
  const answerKms = (what: unknown) => answerReload(what, reload);
  const kms = kmsProgram(() => reloader.slices.kms, answerKms);
  const configure = () => children.configure([kms, gateway]);
  const reloader = createReloader(prepared, logger, addSecrets, configure);
  const gateway = gatewayProgram(() => reloader.slices.gateway);
  const report = reportTo(findServiceManager(process.env, logger), [kms, gateway], systemClock);
  const reload = (dryRun: boolean) => report.reloading(() => reloader.reload(dryRun));
  const supervisor = new Supervisor({
    ...{ policy: DEFAULT_POLICY, deadlines: DEFAULT_DEADLINES },
    ...{ environment, logger, clock: systemClock },
  });
  onSignals(process, systemClock, watchTerminal(), {
    stop: () => {
      report.stops();
      supervisor.stop();
    },
    reload: () => void reload(false),
    renew: () => void renewWorkers(children, gateway, logger),
  });
  return await supervisor.run([kms, gateway], async (program, { address, answer }, child) => {
    await children.add(program, child);
    if (answer.kind === 'not-ready') {
      logger.warning(`the ${program.name} is started, but not ready`, { reason: answer.reason });
    }
    if (program === kms) {
      // The KMS holds the lock of the state folder from here on, so no other launcher uses it.
      await publishOperatorToken(loaded.config.kms, tokens, logger);
      await nameGeneratedKeyFile(reloader.loaded, logger);
    }
    report.serves(program, address);
    if (address === null) return;
    announce(address, reloader, logger);
    void announceKeys(reloader, logger);
  });
}

/** Makes the gateway replace its workers one by one (rolling restart), without dropping a request. */
async function renewWorkers(
  children: RunningChildren,
  gateway: Program,
  logger: Logger,
): Promise<void> {
  const { stopGraceMs } = gateway;
  const answer = await children.ask(gateway, { renew: true }, 2 * stopGraceMs + RENEW_MS);
  if (answer === null) logger.warning('the gateway has no workers to renew: see server.workers');
}

async function prepare(commandLine: CommandLine): Promise<Prepared> {
  const env = { ...process.env }; // a reload reads the environment of the start again
  const inputs = { ...commandLine, env, cwd: process.cwd() };
  const { loaded, notices } = await loadWithStateFolder(() => loadConfig(inputs));
  const boundHost = loaded.config.server.host;
  const load = () => loadConfig({ ...inputs, boundHost });
  const { config, secretsInEnvironment } = loaded;
  const isScrubbed = scrubEnvironment(secretsInEnvironment);
  const generated = await generatedAccessKey(loaded);
  const tokens = makeRoleTokens();
  const runtime = { token: tokens.gateway, generatedAccessKey: generated };
  const warnings = isScrubbed ? [] : secretsInEnvironment.map(stillVisible);
  const NODE_COMPILE_CACHE = compileCacheIn(config.state_dir);
  return {
    environment: { ...childEnvironment(process.env), NODE_COMPILE_CACHE },
    ...{ load: () => readAgain(loaded.file, load), loaded, tokens },
    slices: { kms: kmsSlice(config, { tokens }), gateway: gatewaySlice(config, runtime) },
    warnings: [...loaded.warnings, ...notices, ...warnings],
  };
}

function createReloader(
  { load, loaded, tokens, slices }: Prepared,
  logger: ProcessLogger,
  addSecrets: (slices: Slices) => void,
  configure: () => Promise<string | null>,
): Reloader {
  const runtime = async (changed: LoadedConfig) => ({
    token: tokens.gateway,
    generatedAccessKey: await generatedAccessKey(changed),
  });
  const onSlices = (changed: Slices) => {
    addSecrets(changed);
    logger.setLevel(changed.kms.log.level);
  };
  const onApplied = (changed: LoadedConfig) => nameGeneratedKeyFile(changed, logger);
  const parts = { load, tokens, runtime, onSlices, onApplied, configure, logger };
  return new Reloader(parts, loaded, slices);
}

/** Announces readiness: a block of text on a terminal, a log line elsewhere. */
function announce(address: Address, { loaded, slices }: Reloader, logger: Logger): void {
  const summary = summarise(address, accessKeyPlace(loaded), slices.kms, machineAddresses());
  if (isPretty(slices.kms.log.format)) {
    process.stdout.write(banner(summary, hostPlace(loaded)));
    return;
  }
  logger.info('ready', { ...summary });
  if (summary.isReachableByOthers) logger.warning(reachableWarning(hostPlace(loaded)));
}

/** Announces OpenRouter's verdict on each key, within 3 s of the start. */
async function announceKeys({ slices: { kms } }: Reloader, logger: Logger): Promise<void> {
  const isForPerson = isPretty(kms.log.format);
  const verdicts = await keyVerdicts(kms, systemClock, isForPerson ? localInWords : utcInWords);
  if (verdicts === null) return;
  if (isForPerson) {
    process.stdout.write(verdictBlock(verdicts));
    return;
  }
  const problems = verdicts.problems.map(({ sentence }) => sentence);
  if (problems.length === 0) logger.info(verdictSummary(verdicts));
  else logger.warning(verdictSummary(verdicts), { problems });
}

/** The launcher's logger, which masks all known secrets. It logs an uncaught error before the process exits. */
function createLauncherLogger(slices: Slices) {
  const masker = createMasker();
  const addSecrets = (changed: Slices) =>
    masker.add(...secretsOf(changed).map((secret) => secret.reveal()));
  addSecrets(slices);
  const logger = createLogger({ component: 'launcher', ...slices.kms.log, masker });
  process.on('uncaughtException', (error) => {
    logger.critical('stopping: an error nobody handled', { error, stack: error.stack });
    process.exit(EXIT.gaveUp); // children exit when their standard input closes
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
