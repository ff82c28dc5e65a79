import { existsSync, statSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import type { KmsClient, Outcome, RequestSummary } from '@openrouter-proxy/kms-protocol';
import { fakeKeys } from './support/fake-keys.ts';
import { ManualClock } from './support/manual-clock.ts';
import { SUCCESS, limited } from './support/pool.ts';
import { REQUEST, handOverFor, useKms } from './support/start-kms.ts';
import { useTempFolders } from './support/temp-folder.ts';

const newFolder = useTempFolders();
const kms = useKms();

const acquire = (client: KmsClient, exclude: string[] = []) =>
  client.call('lease.acquire', { ...REQUEST, exclude });

const inFlight = async (operator: KmsClient) =>
  (await operator.call('service.status', {})).leasesInFlight;

describe('a gateway', () => {
  it('borrows a key, reports on it, and gets another when that one is limited', async () => {
    const configuration = handOverFor(newFolder(), fakeKeys(null, null));
    await kms.start(configuration);
    const gateway = kms.connect(configuration.socket, 'gateway');
    const lease = await acquire(gateway);
    expect(lease.secret).toBe(configuration.keys[0]?.secret.reveal());
    const report = { leaseId: lease.leaseId, outcome: limited(60) };
    expect(await gateway.call('lease.report', report)).toEqual({ applied: true });
    expect(await gateway.call('lease.report', report)).toEqual({ applied: false });
    expect((await acquire(gateway)).keyName).toBe('k1');
    expect((await acquire(gateway)).keyName).toBe('k1');
  });

  it('is told when to come back if every key cools', async () => {
    const configuration = handOverFor(newFolder(), fakeKeys(null));
    await kms.start(configuration);
    const gateway = kms.connect(configuration.socket, 'gateway');
    const { leaseId } = await acquire(gateway);
    await gateway.call('lease.report', { leaseId, outcome: limited(60) });
    const refused: unknown = await acquire(gateway).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'NO_KEY_AVAILABLE', data: { reason: 'cooling' } });
  });

  it('is not counted twice when it sends a message about requests again', async () => {
    const configuration = handOverFor(newFolder(), fakeKeys(null));
    const clock = new ManualClock();
    await kms.start(configuration, clock);
    const gateway = kms.connect(configuration.socket, 'gateway');
    const counted = async () => {
      const { points } = await gateway.call('traffic.query', { since: clock.now() - 60_000 });
      return points.reduce((sum, { unauthorized }) => sum + unauthorized, 0);
    };
    const message = { batch: 'one', requests: [], unauthorized: 3 };
    await gateway.call('requests.record', message);
    await gateway.call('requests.record', message);
    expect(await counted()).toBe(3);
    await gateway.call('requests.record', { ...message, batch: 'two' });
    expect(await counted()).toBe(6);
  });

  it('has the lease ended and the other requests recorded whatever the figures of one say', async () => {
    const configuration = handOverFor(newFolder(), fakeKeys(1));
    const clock = new ManualClock();
    const { log } = await kms.start(configuration, clock);
    const gateway = kms.connect(configuration.socket, 'gateway');
    const { leaseId } = await gateway.call('lease.acquire', REQUEST);
    const usage = { sent: 1e300, received: -1, cached: 0.5, reasoning: 0, cost: 1 };
    const outcome = { kind: 'success', status: 200 } as const;
    expect(await gateway.call('lease.report', { leaseId, outcome, usage })).toEqual({
      applied: true,
    });
    const [key] = (await gateway.call('keys.list', {})).keys;
    expect(key).toMatchObject({ inFlight: 0, today: { answered: 1, unknown: 1, sent: 0 } });
    const end: RequestSummary = {
      ...{ requestId: 'r1', at: clock.now(), client: null, api: 'chat', model: null, status: 200 },
      ...{ verdict: 'complete', attempts: 1, failure: null, generationId: null },
      ...{ queuedMs: 0, leasedMs: 0, firstContentMs: 1, totalMs: 1, usage: null },
    };
    const requests = [
      { ...end, usage },
      { ...end, requestId: 'r2', totalMs: -1 },
      { ...end, requestId: 'r3' },
    ];
    expect(await gateway.call('requests.record', { batch: 'b', requests })).toEqual({ leftOut: 1 });
    const { points } = await gateway.call('traffic.query', { since: clock.now() - 60_000 });
    expect(points.reduce((sum, { answered }) => sum + answered, 0)).toBe(2);
    expect(log.filter((line) => line.includes('could not be recorded'))).toHaveLength(1);
  });

  it('is shown everything about requests for a model with a very long name', async () => {
    const configuration = handOverFor(
      newFolder(),
      fakeKeys(...Array.from({ length: 25 }, () => null)),
    );
    const clock = new ManualClock();
    await kms.start(configuration, clock);
    const gateway = kms.connect(configuration.socket, 'gateway');
    const operator = kms.connect(configuration.socket, 'operator');
    const model = `a/${'ü'.repeat(254)}`;
    const detail = 'ö'.repeat(300);
    for (let n = 0; n < 24; n += 1) {
      const { leaseId, keyId } = await gateway.call('lease.acquire', { ...REQUEST, model });
      const kind = n % 2 === 0 ? 'rate_limited' : 'model_throttled';
      const outcome: Outcome = { kind, status: 429, evidence: [], detail };
      await gateway.call('lease.report', { leaseId, outcome });
      await operator.call('keys.whyNot', { keyId, model });
    }
    const { requestId } = REQUEST;
    const { request, story } = await operator.call('requests.explain', { requestId });
    expect(request?.steps.length).toBeGreaterThan(20);
    expect(story.length).toBeGreaterThan(2);
    expect((await operator.call('requests.recent', { limit: 100 })).requests).toHaveLength(1);
    expect((await operator.call('keys.list', {})).keys).toHaveLength(25);
    await operator.call('service.status', {});
    await operator.call('keys.history', { since: clock.now() - 60_000, limit: 200 });
    await operator.call('events.subscribe', { after: null, waitMs: 0 });
  });

  it('may look at keys and do nothing to them', async () => {
    const configuration = handOverFor(newFolder(), fakeKeys(null));
    await kms.start(configuration);
    const gateway = kms.connect(configuration.socket, 'gateway');
    const [key] = (await gateway.call('keys.list', {})).keys;
    const { keyId = '' } = key ?? {};
    const refused = gateway.call('keys.disable', { keyId, reason: 'none' });
    await expect(refused).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('that dies gives its leases back five seconds later', async () => {
    const configuration = handOverFor(newFolder(), fakeKeys(1));
    const clock = new ManualClock();
    await kms.start(configuration, clock);
    const dying = kms.connect(configuration.socket, 'gateway');
    await acquire(dying);
    await dying.close();
    const operator = kms.connect(configuration.socket, 'operator');
    expect(await inFlight(operator)).toBe(1);
    await vi.waitUntil(async () => {
      clock.advance(5_000);
      return (await inFlight(operator)) === 0;
    });
  });

  it('keeps the leases it names when it comes back from a lost connection, and no others', async () => {
    const configuration = handOverFor(newFolder(), fakeKeys(1, 1));
    const clock = new ManualClock();
    await kms.start(configuration, clock);
    const lost = kms.connect(configuration.socket, 'gateway');
    const [kept, dropped] = [await acquire(lost), await acquire(lost)];
    const { leaseId, expiresAt } = kept;
    const activeLeases = () => [{ leaseId, expiresAt }];
    const back = kms.connect(configuration.socket, 'gateway', { activeLeases });
    await back.call('service.ping', {});
    await lost.close();
    const next = await vi.waitUntil(async () => {
      clock.advance(5_000);
      return acquire(back).catch(() => undefined);
    });
    expect(next.keyId).toBe(dropped.keyId);
    await expect(acquire(back)).rejects.toMatchObject({ data: { reason: 'busy' } });
    const report = { leaseId, outcome: SUCCESS };
    expect(await back.call('lease.report', report)).toEqual({ applied: true });
    expect((await acquire(back)).keyId).toBe(kept.keyId);
  });
});

it('tells since when a key is limited, and since when it serves again', async () => {
  const configuration = handOverFor(newFolder(), fakeKeys(null));
  const clock = new ManualClock();
  await kms.start(configuration, clock);
  const startedAt = clock.now();
  const gateway = kms.connect(configuration.socket, 'gateway');
  const seen = async () => (await gateway.call('keys.list', {})).keys[0];
  expect(await seen()).toMatchObject({ statusSince: startedAt, limits: [] });
  clock.advance(55_000);
  const { leaseId } = await gateway.call('lease.acquire', { ...REQUEST, model: 'a/b' });
  await gateway.call('lease.report', { leaseId, outcome: limited(60) });
  const limitedAt = clock.now();
  clock.advance(1_000);
  expect(await seen()).toMatchObject({
    state: { kind: 'available', since: startedAt },
    statusSince: limitedAt,
    limits: [{ model: 'a/b' }],
  });
  clock.advance(3_600_000);
  expect(await seen()).toMatchObject({ statusSince: limitedAt + 60_000, limits: [] });
  const { keyId = '' } = (await seen()) ?? {};
  const { lanes } = await gateway.call('keys.history', { since: startedAt, limit: 1 });
  expect(lanes).toMatchObject([
    { keyId, spans: [{ kind: 'serving' }, { kind: 'limited' }, { kind: 'serving', to: null }] },
  ]);
});

describe('a service that is started again', () => {
  it('still knows which keys cool and which are disabled', async () => {
    const configuration = handOverFor(newFolder(), fakeKeys(null, null, null));
    const clock = new ManualClock(); // two processes read the machine's at different moments
    const { drain } = await kms.start(configuration, clock);
    const gateway = kms.connect(configuration.socket, 'gateway');
    const operator = kms.connect(configuration.socket, 'operator');
    const [cooled, disabled] = [await acquire(gateway), await acquire(gateway)];
    await gateway.call('lease.report', { leaseId: cooled.leaseId, outcome: limited(600) });
    await operator.call('keys.disable', { keyId: disabled.keyId, reason: 'leaked' });
    const before = await operator.call('keys.list', {});
    await Promise.all([gateway.close(), operator.close()]);
    await drain();

    await kms.start(configuration, clock);
    const again = kms.connect(configuration.socket, 'operator');
    const states = (list: typeof before) => list.keys.slice(0, 2).map(({ state }) => state);
    expect(states(await again.call('keys.list', {}))).toEqual(states(before));
  });
});

describe('a service that is stopped', () => {
  it('serves until the last gateway has gone', async () => {
    const configuration = handOverFor(newFolder(), fakeKeys(null), { shutdownGraceMs: 60_000 });
    const { drain } = await kms.start(configuration);
    const gateway = kms.connect(configuration.socket, 'gateway');
    const { leaseId } = await acquire(gateway);
    const drained = drain();
    const reported = await gateway.call('lease.report', { leaseId, outcome: limited(60) });
    expect(reported).toEqual({ applied: true });
    await gateway.close();
    await drained;
    expect(existsSync(configuration.socket)).toBe(false);
  });

  it('does not wait for operators', async () => {
    const configuration = handOverFor(newFolder(), fakeKeys(null), { shutdownGraceMs: 60_000 });
    const { drain } = await kms.start(configuration);
    await kms.connect(configuration.socket, 'operator').call('service.ping', {});
    await drain();
  });
});

describe('the state folder', () => {
  it('belongs to one service at a time', async () => {
    const configuration = handOverFor(newFolder(), fakeKeys(null));
    const { drain } = await kms.start(configuration);
    const other = { ...configuration, socket: `${configuration.socket}2` };
    await expect(kms.start(other)).rejects.toMatchObject({ exitCode: 75 });
    await drain();
    await kms.start(other);
  });

  it('holds a socket for this user alone', async () => {
    const configuration = handOverFor(newFolder(), fakeKeys(null));
    await kms.start(configuration);
    expect(statSync(configuration.socket).mode & 0o777).toBe(0o600);
  });

  it('is free again when the socket could not be had', async () => {
    const configuration = handOverFor(newFolder(), fakeKeys(null));
    const far = { ...configuration, socket: `${configuration.stateDir}/${'x'.repeat(200)}` };
    await expect(kms.start(far)).rejects.toMatchObject({ exitCode: 78 });
    await kms.start(configuration);
  });
});

it('tells no secret but in a lease', async () => {
  const configuration = handOverFor(newFolder(), fakeKeys(null, 1, null));
  const { log } = await kms.start(configuration);
  const gateway = kms.connect(configuration.socket, 'gateway');
  const operator = kms.connect(configuration.socket, 'operator');
  const { leaseId, keyId } = await acquire(gateway);
  await gateway.call('lease.report', { leaseId, outcome: limited(60) });
  const [own] = configuration.keys.map(({ secret }) => secret.reveal());
  const said = [
    await operator.call('keys.list', {}),
    await operator.call('keys.get', { keyId }),
    await operator.call('keys.cool', { keyId, forMs: 90_000, reason: `rests: ${own}` }),
    await operator.call('keys.uncool', { keyId }),
    await operator.call('keys.disable', { keyId, reason: `leaked: ${own}` }),
    await operator.call('keys.enable', { keyId }),
    await operator.call('service.status', {}),
    log,
  ];
  const text = JSON.stringify(said);
  for (const { secret } of configuration.keys)
    expect(text).not.toContain(secret.reveal().slice(9, 25));
  for (const token of Object.values(configuration.tokens))
    expect(text).not.toContain(token.reveal());
  expect(log.filter((line) => line.includes('"key '))).toHaveLength(5);
});
