import { EXIT, installationOf, StartupError } from '@openrouter-proxy/runtime';
import { assembleConfig, type Config } from './config.ts';
import { readConfigSource, type ConfigSource, type ConfigInputs } from './files/config-source.ts';
import { crossCheck } from './checks/cross-check.ts';
import { firstKeysAdvice, serviceAdvice } from './keys/first-keys.ts';
import { findListenOverrides } from './files/listen-overrides.ts';
import { resolveKeys } from './keys/pool-keys.ts';
import type { Diagnostic } from './values/diagnostic.ts';
import { ineffectiveKeys, diagnosticsOf } from './checks/schema-diagnostics.ts';
import { describeDiagnostics, describeFileProblems } from './checks/diagnostic-lines.ts';
import {
  findOverrides,
  withOverride,
  overriddenInFile,
  SECRET_VARIABLES,
  type Override,
  type SecretOrigin,
  type SecretOverride,
} from './files/override.ts';
import { configFile } from './schema/config-file.ts';
import { settingViews, type SettingView } from './setting-views.ts';
import { checkStatePaths, statePaths } from './paths/state-paths.ts';
import { dotted, valueAt } from './values/value-path.ts';
import { findWeakAccessKeys } from './checks/weak-access-keys.ts';

/** The source of each secret. */
export interface Origins {
  readonly keys: SecretOrigin;
  /** Null if no access key is configured. */
  readonly accessKey: SecretOrigin | null;
}

/** A configuration that a start can use. */
export interface LoadedConfig {
  readonly config: Config;
  /** One line each, for a person; without secrets. */
  readonly warnings: readonly string[];
  /** The file that was read, absolute; null if there was none. */
  readonly file: string | null;
  readonly origin: Origins;
  /** Where the state folder goes if its default place cannot hold it; null if a setting names it. */
  readonly stateDirInHome: string | null;
  /** Every setting with its value as the file writes it, and its source. */
  readonly settings: readonly SettingView[];
  /** How to add a first OpenRouter key, in lines; empty if there is one. */
  readonly missingKeys: readonly string[];
  /** Environment variables that hold secrets: to be removed, and not passed to children. */
  readonly secretsInEnvironment: readonly string[];
}

/** The file cannot be read or is not valid YAML, so no setting of it is known. */
export class UnreadableConfigError extends StartupError {
  /** What people call the file. */
  readonly label: string;

  constructor(source: ConfigSource) {
    super(EXIT.configuration, describeFileProblems(source));
    this.label = source.label;
  }
}

/**
 * Reads the configuration from the file, the environment and systemd's credentials. Rejects with a
 * StartupError (exit code 78) that lists every problem, one line each, without secrets. It is an
 * UnreadableConfigError if the file cannot be read or parsed. A missing OpenRouter key is a problem
 * unless `needsKeys` is false.
 */
export async function loadConfig(inputs: ConfigInputs): Promise<LoadedConfig> {
  const { env, needsKeys = true } = inputs;
  const source = await readableSource(inputs);
  const secrets = await findOverrides(env);
  const overrides = [...secrets, ...findListenOverrides(inputs)];
  const value = overrides.reduce(withOverride, source.document.value ?? {});
  const describe = (diagnostics: readonly Diagnostic[]) =>
    describeDiagnostics(diagnostics, source, overrides);

  const parsed = configFile.safeParse(value, { reportInput: true });
  const resolved = await resolveKeys(keyEntries(value), env, source.folder);
  const paths = statePaths(value, env, source.folder);
  const weakKeys = findWeakAccessKeys(value, inputs.boundHost, hostPlace(overrides));
  const problems = [
    ...(parsed.error?.issues ?? []).flatMap((issue) => diagnosticsOf(issue)),
    ...crossCheck(value),
    ...weakKeys.problems,
    ...resolved.problems,
    ...checkStatePaths(paths),
  ];
  const lines = [...describeFileProblems(source), ...describe(problems)];
  const missingKeys = noKeys(value, env);
  const isRefused = lines.length > 0 || (needsKeys && missingKeys.length > 0);
  if (!parsed.success || isRefused) throw refusal([...lines, ...missingKeys]);

  const config = assembleConfig(parsed.data, resolved.keys, paths);
  const origin = originOf(config, secrets);
  const diagnostics = [
    ...describeDiagnostics(overriddenInFile(source.document.value, overrides), source, []),
    ...describe([...ineffectiveKeys(value), ...weakKeys.warnings, ...resolved.warnings]),
  ];
  return {
    config,
    warnings: [...diagnostics, ...openToAll(source, config, origin)],
    ...{ file: source.file, origin, missingKeys },
    stateDirInHome: paths.stateDirInHome,
    settings: settingViews(value, config, { source, overrides }),
    secretsInEnvironment: secretVariables(resolved.variables, env),
  };
}

async function readableSource(inputs: ConfigInputs): Promise<ConfigSource> {
  const source = await readConfigSource(inputs);
  if (source.failure === null && source.document.value !== undefined) return source;
  throw new UnreadableConfigError(source);
}

/** The option that overrides `server.host`, if one does. */
const hostPlace = (overrides: readonly Override[]) =>
  overrides.find(({ path }) => dotted(path) === 'server.host')?.place;

/** The set variables that hold secrets: our own, and those named by `key_env`. */
function secretVariables(ofKeys: readonly string[], env: ConfigInputs['env']): readonly string[] {
  const names = new Set([...SECRET_VARIABLES, ...ofKeys]);
  return [...names].filter((name) => env[name] !== undefined);
}

const refusal = (problems: readonly string[]) => new StartupError(EXIT.configuration, problems);

/** The entries of `openrouter.keys`; none if it is not a list, which the schema reports. */
function keyEntries(value: unknown): readonly unknown[] {
  const entries = valueAt(value, 'openrouter', 'keys');
  return Array.isArray(entries) ? entries : [];
}

function noKeys(value: unknown, env: ConfigInputs['env']): readonly string[] {
  const entries = valueAt(value, 'openrouter', 'keys') ?? [];
  const isEmpty = Array.isArray(entries) && entries.length === 0;
  return isEmpty ? (serviceAdvice(env) ?? firstKeysAdvice(installationOf())) : [];
}

function originOf({ server }: Config, overrides: readonly SecretOverride[]): Origins {
  const of = (name: string) => overrides.find(({ path }) => path[1] === name)?.origin ?? 'file';
  return { keys: of('keys'), accessKey: server.access_key === null ? null : of('access_key') };
}

function openToAll(source: ConfigSource, { server, requestProxy }: Config, origin: Origins) {
  const holdsSecrets =
    Object.values(origin).includes('file') ||
    server.access_keys.length > 0 ||
    requestProxy !== null ||
    valueAt(source.document.value, 'state', 'redis', 'url') !== undefined;
  if (!source.isOpenToAll || !holdsSecrets) return [];
  const { label } = source;
  return [
    `${label} holds secrets, and every user of this machine can read it: run \`chmod 600 ${label}\``,
  ];
}
