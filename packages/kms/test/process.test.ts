import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HeldLease } from '@openrouter-proxy/kms-protocol';
import { fakeKeys } from './support/fake-keys.ts';
import { useKmsProcesses } from './support/kms-process.ts';
import { UNAUTHORIZED, limited } from './support/pool.ts';
import { REQUEST, handOverFor, useKms } from './support/start-kms.ts';
import { useTempFolders } from './support/temp-folder.ts';

const newFolder = useTempFolders();
const kms = useKms();
const processes = useKmsProcesses();

describe('a process that is killed', () => {
  it('has kept every state it answered for, each of many times', async () => {
    const keys = fakeKeys(...Array.from({ length: 12 }, () => null));
    const configuration = handOverFor(newFolder(), keys);
    const answered = new Map<string, string>();
    for (let life = 0; life < 12; life += 1) {
      const { child, exited } = await processes.startReady(configuration);
      const gateway = kms.connect(configuration.socket, 'gateway');
      const operator = kms.connect(configuration.socket, 'operator');
      const { keys: views } = await operator.call('keys.list', {});
      for (const { keyId, state } of views) {
        expect(state.kind).toBe(answered.get(keyId) ?? 'available');
      }
      const lease = await gateway.call('lease.acquire', REQUEST);
      if (life % 3 === 0) {
        await operator.call('keys.disable', { keyId: lease.keyId, reason: 'leaked' });
        answered.set(lease.keyId, 'disabled');
      } else {
        const outcome = life % 3 === 1 ? limited(600) : UNAUTHORIZED;
        await gateway.call('lease.report', { leaseId: lease.leaseId, outcome });
        answered.set(lease.keyId, 'cooling');
      }
      child.kill('SIGKILL');
      await exited;
      await Promise.all([gateway.close(), operator.close()]);
    }
    expect(answered.size).toBe(12);
  });

  it('counts the leases its gateway still uses when it is started again', async () => {
    const configuration = handOverFor(newFolder(), fakeKeys(1));
    const { child, exited } = await processes.startReady(configuration);
    const held: HeldLease[] = [];
    const gateway = kms.connect(configuration.socket, 'gateway', { activeLeases: () => held });
    const { leaseId, expiresAt } = await gateway.call('lease.acquire', REQUEST);
    held.push({ leaseId, expiresAt });
    child.kill('SIGKILL');
    await exited;
    await processes.startReady(configuration);
    const busy = { data: { reason: 'busy' } };
    await expect(gateway.call('lease.acquire', REQUEST)).rejects.toMatchObject(busy);
    await gateway.call('lease.report', { leaseId, outcome: limited(1) });
    const cooling = { data: { reason: 'cooling' } };
    await expect(gateway.call('lease.acquire', REQUEST)).rejects.toMatchObject(cooling);
  });
});

describe('a process that cannot start', () => {
  it('ends with 75 while another has the state folder, and not after that was killed', async () => {
    const configuration = handOverFor(newFolder(), fakeKeys(null));
    const first = await processes.startReady(configuration);
    const second = processes.start(configuration);
    expect(await second.exited).toBe(75);
    expect(second.output()).toContain(configuration.stateDir);
    first.child.kill('SIGKILL');
    await first.exited;
    await processes.startReady(configuration);
  });

  it('ends with 78 when the state folder is a file', async () => {
    const file = join(newFolder(), 'file');
    writeFileSync(file, '');
    const process = processes.start(handOverFor(file, fakeKeys(null)));
    expect(await process.exited).toBe(78);
    expect(process.output()).toContain(file);
  });
});

it('ends with 0 when it is asked to, and writes no secret', async () => {
  const configuration = handOverFor(newFolder(), fakeKeys(null));
  const { child, exited, output } = await processes.startReady(configuration);
  const gateway = kms.connect(configuration.socket, 'gateway');
  const { leaseId, secret } = await gateway.call('lease.acquire', REQUEST);
  const outcome = { ...limited(60), detail: `the key ${secret} is limited` };
  await gateway.call('lease.report', { leaseId, outcome });
  await gateway.close();
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
  expect(output()).toContain('key cooled');
  expect(output()).not.toContain(secret.slice(9, 25));
});
