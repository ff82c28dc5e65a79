/**
 * `npm run lab`: every fault that an upstream can have, once, through the real launcher, key service and
 * gateway in front of a fake OpenRouter. What the client sees of each, and what is set aside for it, is
 * held against what it is to be. Then one client sends nothing but requests that fail for what they hold,
 * which must cost the others nothing. `npm run lab -- stream` tries those with `stream` in their names.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProduct, type RunningProduct } from '@openrouter-proxy/end-to-end';
import { startFakeOpenRouter, type FakeOpenRouter } from '@openrouter-proxy/fake-openrouter';
import { ask, type Answer } from './lab/ask.ts';
import { TRIALS } from './lab/faults.ts';
import type { SetAside, Trial } from './lab/trial.ts';
import { complaints, seenIn, setAsideIn, type Observed } from './lab/judge.ts';
import { POISON_TRIALS, poisonComplaints, tryPoison } from './lab/poison.ts';

const ACCESS_KEY = 'lab-access-key';
const KEYS = 3;
/** What came of a request is with the key service a moment after its answer. */
const SETTLED_MS = 2_000;
const LOOK_EVERY_MS = 50;

/** What is set aside, once that is what is to be, or after a moment. */
async function settled(product: RunningProduct, trial: Trial): Promise<SetAside[]> {
  const operator = await product.operator();
  const giveUpAt = performance.now() + SETTLED_MS;
  for (;;) {
    const { keys } = await operator.call('keys.list', {});
    const { limits } = await operator.call('service.status', {});
    const found = setAsideIn(keys, limits);
    if (found.join() === (trial.setAside ?? '') || performance.now() > giveUpAt) {
      await operator.close();
      return found;
    }
    await sleep(LOOK_EVERY_MS);
  }
}

/** Whether any part of a key that is long enough to be of use was told, in the encodings of the fake. */
const leaks = ({ text }: Answer, { keys }: FakeOpenRouter) =>
  keys.some(({ secret }) =>
    [secret.slice(0, 20), secret.slice(20, 40), btoa(secret).slice(30, 50)].some((part) =>
      text.toLowerCase().includes(part.toLowerCase()),
    ),
  );

/** Has OpenRouter asked about every key, as a reload does. */
async function checkKeys(product: RunningProduct): Promise<void> {
  const operator = await product.operator();
  await operator.call('service.reload', {});
  await operator.close();
}

/** Tries one fault on a product of its own. */
async function attempt(trial: Trial, folder: string): Promise<Observed> {
  const fake = await startFakeOpenRouter();
  for (let n = 0; n < KEYS; n += 1) fake.addKey();
  const product = await startProduct({
    folder,
    logFile: 'log',
    settings: {
      server: { access_key: ACCESS_KEY, http_log_level: 'ERROR' },
      openrouter: {
        base_url: fake.url,
        keys: fake.keys.map(({ secret }) => secret),
        ...{ connect_timeout: '1s', first_byte_timeout: '1s', idle_timeout: '1s' },
        keepalive_after: trial.keepalive ? '300ms' : '0s',
      },
    },
  });
  try {
    const { fault, times } = trial;
    if (trial.onKeyCheck) fake.rules.add({ match: { path: '/key', key: 'key-1' }, fault });
    else {
      const match = { method: 'POST' };
      fake.rules.add({ match, fault, ...(times === Infinity ? {} : { times }) });
    }
    if (trial.onKeyCheck) await checkKeys(product);
    const answer = await ask(product.url, ACCESS_KEY, trial);
    const setAside = await settled(product, trial);
    const live = await fetch(`${product.url}/health/live`).catch(() => undefined);
    return { answer, setAside, isAlive: live?.ok === true, leaked: leaks(answer, fake) };
  } finally {
    await product.stop();
    await fake.stop();
  }
}

function row(mark: string, name: string, [seen, tries, aside, ms]: readonly string[]): string {
  const cells = [mark.padEnd(4), name.padEnd(27), seen?.padEnd(14), tries?.padStart(5)];
  return [...cells, ms?.padStart(8), ` ${aside ?? ''}`].join(' ').trimEnd();
}

const part = process.argv[2] ?? '';
const trials = TRIALS.filter(({ name }) => name.includes(part));
const poisons = POISON_TRIALS.filter(({ name }) => name.includes(part));
if (trials.length + poisons.length === 0) {
  console.error(`No fault has \`${part}\` in its name.`);
  process.exit(2);
}
const folder = await mkdtemp(path.join(tmpdir(), 'openrouter-proxy-lab-'));
let failed = 0;
console.log(row('', 'fault', ['client', 'tries', 'set aside', 'ms']));
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => stopping.abort());
}
process.stdout.on('error', () => stopping.abort()); // nobody reads it any more
for (const [index, trial] of trials.entries()) {
  if (stopping.signal.aborted) break;
  const observed = await attempt(trial, path.join(folder, String(index)));
  const { answer, setAside } = observed;
  const wrong = complaints(trial, observed);
  if (wrong.length > 0) failed += 1;
  const cells = [seenIn(answer), `${answer.attempts}`, setAside.join(', '), answer.ms.toFixed()];
  console.log(row(wrong.length === 0 ? 'ok' : 'FAIL', trial.name, cells));
  for (const what of wrong) console.log(`     ${what}`);
}
for (const [index, trial] of poisons.entries()) {
  if (stopping.signal.aborted) break;
  const result = await tryPoison(trial, path.join(folder, `poison-${index}`));
  const wrong = poisonComplaints(result);
  if (wrong.length > 0) failed += 1;
  const refused = Object.values(result.refused).reduce((a, b) => a + b, 0);
  console.log(
    `${wrong.length === 0 ? 'ok  ' : 'FAIL'} ${trial.name}: ${refused} refused of ${result.sent}, beside ${result.poisoned} poisoned of up to ${result.attempts} tries`,
  );
  for (const what of wrong) console.log(`     ${what}`);
}
await rm(folder, { recursive: true });
console.log(`\n${trials.length + poisons.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
