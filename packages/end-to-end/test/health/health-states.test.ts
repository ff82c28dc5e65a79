import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createCertificate, type Fault } from '@openrouter-proxy/fake-openrouter';
import { it } from 'vitest';
import { startFront } from '../support/front.ts';
import {
  ask,
  sharedWorld,
  startBehind,
  startFake,
  startWorld,
  type World,
} from '../support/health-world.ts';
import { operatorOf } from '../support/operator.ts';
import { childOf } from '../support/processes.ts';
import { everySurfaceIsGreen, everySurfaceShows, type Shown } from '../support/surfaces.ts';
import { temporaryFolder } from '../support/system.ts';

const OTHER_MODEL = 'openai/gpt-4o-mini';
const HTML_502: Fault = {
  ...{ kind: 'answer', status: 502, headers: { 'Content-Type': 'text/html' } },
  body: '<html><head><title>502 Bad Gateway</title></head></html>',
};
const HTML_403: Fault = { ...HTML_502, status: 403, body: '<title>Access denied</title>' };

const reload = ({ system }: World) => process.kill(system.launcher, 'SIGHUP');

async function eachKey(
  world: World,
  command: 'keys.disable' | 'keys.enable' | 'keys.cool' | 'keys.uncool',
): Promise<void> {
  const operator = await operatorOf(world.system);
  const { keys } = await operator.call('keys.list', {});
  for (const { keyId } of keys) {
    if (command === 'keys.disable') await operator.call(command, { keyId, reason: 'a test' });
    else if (command === 'keys.cool') {
      await operator.call(command, { keyId, forMs: 600_000, reason: 'a test' });
    } else await operator.call(command, { keyId });
  }
}

function signalKms({ system }: World, signal: NodeJS.Signals): void {
  const child = childOf(system.launcher, 'kms');
  if (child === undefined) throw new Error('the key service does not run');
  process.kill(child.pid, signal);
}

interface State extends Shown {
  /** It is about totals: requests of another test would count. */
  isTotal?: true;
  begin(world: World): unknown;
  end(world: World): unknown;
}

const STATES: readonly State[] = [
  {
    ...{ cause: 'all_keys_refused', severity: 'critical' },
    sentence: /^OpenRouter refuses all 2 keys since \d\d:\d\d UTC: HTTP 401 User not found\.$/,
    begin(world) {
      for (const key of world.fake.keys) key.revoked = true;
      return ask(world);
    },
    end({ fake }) {
      for (const key of fake.keys) key.revoked = false;
    },
  },
  {
    ...{ cause: 'some_keys_refused', severity: 'warning' },
    sentence: /^OpenRouter refuses 1 of 2 keys \(key-2\) since .*: HTTP 401 User not found\.$/,
    begin(world) {
      for (const key of world.fake.keys.slice(1)) key.revoked = true;
      return Promise.all([ask(world), ask(world)]);
    },
    end({ fake }) {
      for (const key of fake.keys) key.revoked = false;
    },
  },
  {
    ...{ cause: 'connection_failed', severity: 'critical' },
    sentence: /^OpenRouter cannot be reached since .*: connect ECONNREFUSED 127\.0\.0\.1:\d+\.$/,
    async begin(world) {
      await world.front.cut();
      return ask(world);
    },
    end: ({ front }) => front.mend(),
  },
  {
    ...{ cause: 'upstream_failing', severity: 'critical' },
    sentence: /^OpenRouter fails since .*: HTTP 502 a page “502 Bad Gateway”\.$/,
    begin(world) {
      world.fake.rules.set([{ fault: HTML_502 }]);
      return ask(world);
    },
    end: ({ fake }) => fake.rules.set([]),
  },
  {
    ...{ cause: 'upstream_blocked', severity: 'critical' },
    sentence: /^OpenRouter blocks this address since .*a page “Access denied”\.$/,
    begin(world) {
      world.fake.rules.set([{ fault: HTML_403 }]);
      return ask(world);
    },
    end: ({ fake }) => fake.rules.set([]),
  },
  {
    ...{ cause: 'clock_wrong', severity: 'warning' },
    sentence: /^This machine's clock is 2 h behind OpenRouter's since /,
    begin(world) {
      world.fake.rules.set([
        { match: { path: '/key' }, fault: { kind: 'date', aheadMs: 7_200_000 } },
      ]);
      reload(world);
    },
    end(world) {
      world.fake.rules.set([]);
      reload(world);
    },
  },
  {
    ...{ cause: 'all_keys_limited', severity: 'critical' },
    sentence: /^All 2 keys in service are limited since .* until .* UTC\.$/,
    begin: (world) => eachKey(world, 'keys.cool'),
    end: (world) => eachKey(world, 'keys.uncool'),
  },
  {
    ...{ cause: 'all_keys_disabled', severity: 'critical' },
    sentence: /^All 2 keys are disabled since /,
    begin: (world) => eachKey(world, 'keys.disable'),
    end: (world) => eachKey(world, 'keys.enable'),
  },
  {
    ...{ cause: 'requests_failing', severity: 'critical', isTotal: true },
    sentence: /^5 of 5 requests failed in the last 2 minutes\.$/,
    async begin(world) {
      const fault = { kind: 'refuse', family: 'provider_failed' } as const;
      world.fake.rules.set([{ match: { method: 'POST' }, fault }]);
      await Promise.all(Array.from({ length: 5 }, () => ask(world)));
    },
    async end(world) {
      world.fake.rules.set([]);
      for (let n = 0; n < 60; n += 1) await ask(world, { model: OTHER_MODEL });
    },
  },
  {
    ...{ cause: 'clients_refused', severity: 'warning', isTotal: true },
    sentence: /^3 of 3 requests were refused .*, 2 for a missing or wrong access key\.$/,
    async begin(world) {
      const fault = { kind: 'refuse', family: 'bad_request' } as const;
      world.fake.rules.set([{ match: { method: 'POST' }, fault, times: 1 }]);
      await ask(world);
      const url = `${world.system.url}/api/v1/chat/completions`;
      for (let n = 0; n < 2; n += 1)
        await (await fetch(url, { method: 'POST', body: '{}' })).text();
    },
    async end(world) {
      for (let n = 0; n < 40; n += 1) await ask(world);
    },
  },
  {
    ...{ cause: 'key_service_away', severity: 'critical', component: 'gateway' },
    sentence: /^The key service does not answer since /,
    begin: (world) => signalKms(world, 'SIGSTOP'),
    end: (world) => signalKms(world, 'SIGCONT'),
  },
];

const shared = sharedWorld();

it.each(STATES)(
  'every surface shows $cause, and turns green by itself when that is over',
  async (state) => {
    const world = await (state.isTotal ? startWorld() : shared());
    await state.begin(world);
    await everySurfaceShows(world.system, state);
    await state.end(world);
    await everySurfaceIsGreen(world.system, state.cause);
  },
);

it('every surface shows a certificate that is not trusted', async () => {
  const trusted = createCertificate('localhost');
  const fake = await startFake();
  const front = await startFront(fake, createCertificate('localhost'));
  const authority = path.join(await temporaryFolder(), 'ca.pem');
  await writeFile(authority, trusted.cert);
  const environment = { NODE_EXTRA_CA_CERTS: authority };
  const { system } = await startBehind(fake, front, { environment });
  const cause = 'certificate_untrusted';
  const sentence = /^OpenRouter's certificate is not trusted since .*self-signed certificate/;
  await everySurfaceShows(system, { cause, severity: 'critical', sentence });
  await front.mend(trusted);
  await everySurfaceIsGreen(system, cause);
});

it('every surface shows a certificate that is not yet valid by this clock', async () => {
  const early = createCertificate('localhost', Date.now() + 3_600_000);
  const valid = createCertificate('localhost');
  const fake = await startFake();
  const front = await startFront(fake, early);
  const authority = path.join(await temporaryFolder(), 'ca.pem');
  await writeFile(authority, early.cert + valid.cert);
  const environment = { NODE_EXTRA_CA_CERTS: authority };
  const { system } = await startBehind(fake, front, { environment });
  const cause = 'certificate_dates';
  const sentence =
    /certificate is expired or not yet valid by this machine's clock since .*not yet valid/;
  await everySurfaceShows(system, { cause, severity: 'critical', sentence });
  await front.mend(valid);
  await everySurfaceIsGreen(system, cause);
});

it('every surface shows a name that cannot be resolved, and a reload asks at once', async () => {
  const fake = await startFake();
  const front = await startFront(fake);
  const nowhere = { ...front, url: 'https://openrouter.invalid/api/v1' };
  const { system } = await startBehind(fake, nowhere);
  const cause = 'dns_failed';
  const sentence = /^OpenRouter's host name cannot be resolved since .*: getaddrinfo /;
  await everySurfaceShows(system, { cause, severity: 'critical', sentence });
  const { openrouter } = system.settings;
  await system.configure({
    ...system.settings,
    openrouter: { ...(openrouter as object), base_url: front.url },
  });
  process.kill(system.launcher, 'SIGHUP');
  await everySurfaceIsGreen(system, cause);
});
