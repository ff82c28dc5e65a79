import { existsSync, globSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { parseCLI, startVitest } from 'vitest/node';
import { SkippedTests } from './skipped-tests.ts';
import {
  SYSTEM_SUITES,
  isInstalled,
  obstacles,
  type SystemPackage,
  type SystemSuite,
} from './system-packages.ts';
import { withoutServices } from './without-services.ts';

// `npm test` runs every test that needs only npm and Debian's usual tools. `npm run test:system`
// (this file with --system) runs the others and installs the Debian packages they need.
// Both take file names and options of vitest: `npm test -- packages/kms`.

const ROOT = path.resolve(import.meta.dirname, '..');

/** Installs Debian packages. The caller checks afterwards which commands are still missing. */
async function install(packages: readonly SystemPackage[]): Promise<void> {
  const names = [...new Set(packages.map(({ debianPackage }) => debianPackage))];
  console.log(`Installing Debian packages for the system tests: ${names.join(', ')} …`);
  const apt = execa({
    env: { DEBIAN_FRONTEND: 'noninteractive' },
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'inherit',
    reject: false,
  });
  await apt`apt-get update -qq`;
  await withoutServices(() => apt`apt-get install -y -qq --no-install-recommends ${names}`);
}

/** Installs missing packages of the suites where that is possible: on Debian, as root. */
async function prepare(suites: readonly SystemSuite[]): Promise<void> {
  const missing = suites
    .flatMap(({ packages }) => packages)
    .filter(({ command }) => !isInstalled(command));
  const canInstall = process.getuid?.() === 0 && existsSync('/etc/debian_version');
  if (missing.length > 0 && canInstall) await install(missing);
}

/** The suites with a file that exists and that vitest's own file filter selects. */
function selected(filters: readonly string[]): SystemSuite[] {
  return SYSTEM_SUITES.filter((suite) => {
    const files = globSync(suite.files, { cwd: ROOT });
    const isSelected = (file: string) =>
      filters.length === 0 || filters.some((filter) => path.join(ROOT, file).includes(filter));
    return files.some(isSelected);
  });
}

async function run(project: readonly string[], args: readonly string[]): Promise<void> {
  const { filter, options } = parseCLI(['vitest', 'run', ...args]);
  const { reporter = 'default', ...others } = options;
  const isFailure = project.includes('system') && process.env['CI'] === 'true';
  const reporters = [reporter, new SkippedTests({ isFailure })].flat();
  const settings = {
    ...others,
    project: [...project],
    reporters,
    passWithNoTests: filter.length > 0,
  };
  const vitest = await startVitest(filter, settings);
  await vitest.close();
}

function list(heading: string, suites: readonly SystemSuite[]): void {
  if (suites.length === 0) return;
  console.log(`\n${heading}`);
  for (const suite of suites) {
    const reasons = obstacles(suite);
    console.log(`  ${suite.about}${reasons.length > 0 ? `: ${reasons.join('; ')}` : ''}`);
  }
}

const args = process.argv.slice(2).filter((arg) => arg !== '--system');
const { filter } = parseCLI(['vitest', 'run', ...args]);
const suites = selected(filter);

if (process.argv.includes('--system')) {
  await prepare(suites);
  await run(['system'], args);
  const skipped = suites.filter((suite) => obstacles(suite).length > 0);
  list('Not run:', skipped);
  if (skipped.length > 0 && process.env['CI'] === 'true') {
    console.log('With CI=true every system test must run.');
    process.exitCode = 1;
  }
} else {
  await run(['local', 'end-to-end'], args);
  list('Not run here, but by `npm run test:system`:', suites);
}
