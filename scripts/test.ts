import { existsSync } from 'node:fs';
import { execa } from 'execa';
import { parseCLI, startVitest } from 'vitest/node';
import { SkippedTests } from './skipped-tests.ts';
import { SYSTEM_PACKAGES, isThere, type SystemPackage } from './system-packages.ts';
import { withoutServices } from './without-services.ts';

// Runs every test: `npm test`, or `npm test -- packages/kms` and whatever else vitest takes.
// What tests need from the system is installed where that is possible. The names of commands that
// are missing nevertheless are in MISSING_COMMANDS, and the suites that need them are skipped.

const missing = () => SYSTEM_PACKAGES.filter(({ command }) => !isThere(command));

/** Installs Debian packages; whether that worked is seen by what is missing afterwards. */
async function install(packages: readonly SystemPackage[]): Promise<void> {
  const names = [...new Set(packages.map(({ debianPackage }) => debianPackage))];
  console.log(`Installing ${names.join(', ')} …`);
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

function report(packages: readonly SystemPackage[]): void {
  for (const { command, debianPackage, neededBy } of packages) {
    console.log(`Not tested: ${neededBy}. ${command} is missing (Debian: ${debianPackage}).`);
  }
}

const canInstall = process.getuid?.() === 0 && existsSync('/etc/debian_version');
if (missing().length > 0 && canInstall) await install(missing());
const stillMissing = missing();
process.env['MISSING_COMMANDS'] = stillMissing.map(({ command }) => command).join(',');

const { filter, options } = parseCLI(['vitest', 'run', ...process.argv.slice(2)]);
const { reporter = 'default', ...others } = options;
const reporters = [reporter, new SkippedTests()].flat();
const vitest = await startVitest(filter, { ...others, reporters });
await vitest.close();

report(stillMissing);
if (stillMissing.length > 0 && process.env['CI'] === 'true') process.exitCode = 1;
