/**
 * `npm run clients [-- NAME]`: installs real client programs from the npm registry, runs each through the
 * real launcher, key service and gateway in front of a fake OpenRouter, and prints what each shows its
 * user in every situation, as a table of Markdown. `npm run clients -- codex` tries those with `codex` in
 * their names. `KEEP=1` keeps their output. Needs nothing of the internet but the npm registry.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CLIENTS } from './clients/catalog.ts';
import { install } from './clients/install.ts';
import { isRight, matrix, type Row } from './clients/matrix.ts';
import { run, type Run } from './clients/run.ts';
import { SITUATIONS, type Situation } from './clients/situations.ts';

const [part = '', situationPart = ''] = process.argv.slice(2);
const clients = CLIENTS.filter(({ name }) => name.includes(part));
const situations = SITUATIONS.filter(({ name }) => name.includes(situationPart));
if (clients.length === 0 || situations.length === 0) {
  console.error(`No client has \`${part}\` in its name, or no situation \`${situationPart}\`.`);
  process.exit(2);
}
const keeps = process.env['KEEP'] === '1';
const folder = await mkdtemp(path.join(tmpdir(), 'openrouter-proxy-clients-'));
const rows: Row[] = [];
let wrong = 0;
for (const client of clients) {
  const installed = await install(client);
  const runs = new Map<Situation, Run>();
  if (installed.kind === 'failed') {
    rows.push({ client, runs, why: installed.why });
    console.error(`${client.name}: not installed: ${installed.why}`);
    continue;
  }
  rows.push({ client, runs });
  for (const situation of situations) {
    if (situation.usesTool === true && client.tool === null) continue;
    const own = path.join(folder, `${client.name}-${situation.name.replaceAll(/\W+/g, '-')}`);
    await mkdir(own);
    const made = await run(client, situation, { packages: installed.folder, folder: own });
    runs.set(situation, made);
    const right = isRight(situation, made);
    if (!right) wrong += 1;
    const { result, ms, upstream, exitCode } = made;
    console.error(
      `${right ? 'ok  ' : 'FAIL'} ${client.name}, ${situation.name}: ${result}; ${ms.toFixed()} ms, ${upstream} requests upstream, exit code ${exitCode}`,
    );
    if (keeps) await writeFile(path.join(own, 'output.txt'), made.output);
  }
}
if (keeps) console.error(`Their output is in ${folder}.`);
else await rm(folder, { recursive: true, force: true });
console.log(`\n${matrix(rows)}\n`);
process.exitCode = wrong === 0 ? 0 : 1;
