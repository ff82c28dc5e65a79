import { Command } from 'commander';
import {
  EXIT,
  explainFailedStart,
  installationOf,
  outputTaken,
  packageVersion,
  type ExitCode,
} from '@openrouter-proxy/runtime';
import { launch } from './launch.ts';

/** The text after a usage error. npm does not pass on options before a `--`. */
function helpAfterError(): string {
  const help =
    'Everything else is set in the configuration: see config.yml.example and openrouter-proxy --help.';
  if (installationOf().kind !== 'checkout') return help;
  return `npm takes options for itself unless \`--\` stands before them: \`npm start -- --port 8080\`.\n${help}`;
}

/** Parses the command line and runs the launcher. Resolves with the exit code after everything has stopped. */
export async function runCommandLine(): Promise<ExitCode> {
  const command = new Command('openrouter-proxy')
    .description('Starts the key management service and the gateway, and keeps them running.')
    .option('--host <host>', 'the address to listen on; comes before server.host')
    .option('--port <port>', 'the port to listen on; comes before PORT and server.port')
    .option('--config <file>', 'the configuration; else OPENROUTER_PROXY_CONFIG, else ./config.yml')
    .version(packageVersion(new URL('../package.json', import.meta.url)))
    .showHelpAfterError(helpAfterError())
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? EXIT.ok : EXIT.configuration))
    .parse();
  try {
    const { config, host, port } = command.opts<Record<string, string | undefined>>();
    const exitCode = await launch({ path: config, listen: { host, port } });
    await outputTaken();
    return exitCode;
  } catch (error) {
    return explainFailedStart(error);
  }
}
