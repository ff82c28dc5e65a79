import { expect, it } from 'vitest';
import { startWorld, type World } from './support/health-world.ts';
import { operatorOf } from './support/operator.ts';
import { PAID_MODEL } from './support/product.ts';
import { kms } from './support/surfaces.ts';

/** A client's request. */
async function ask({ system }: World): Promise<Response> {
  return fetch(`${system.url}/api/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${system.accessKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: PAID_MODEL, messages: [{ role: 'user', content: 'Hi' }] }),
  });
}

const page = async ({ system }: World) => {
  const headers = { authorization: `Bearer ${system.accessKey}`, accept: 'text/html' };
  return (await fetch(`${system.url}/metrics`, { headers })).text();
};

it('while OpenRouter cannot be reached, no surface says that a key serves', async () => {
  const world = await startWorld();
  expect(await kms(world.system, 'keys')).toMatch(/key-1 .* serving/);
  expect(await kms(world.system, 'why-not', 'key-1')).toContain('can serve paid models now');

  await world.front.cut();
  await ask(world);
  await expect
    .poll(() => kms(world.system, 'keys'))
    .toMatch(/key-1 .* unreachable .*OpenRouter cannot be reached since .*ECONNREFUSED/);
  expect(await kms(world.system, 'keys')).not.toContain('serving');
  expect(await kms(world.system, 'why-not', 'key-2')).toMatch(
    /^key-2 cannot serve paid models now\n {2}OpenRouter cannot be reached since .*ECONNREFUSED/,
  );
  expect(await kms(world.system, 'status')).toMatch(
    /^keys +2 available \(OpenRouter cannot be reached\), /m,
  );
  expect(await kms(world.system, 'key', 'key-1')).toMatch(/^state +unreachable for /m);
  const html = await page(world);
  expect(html).toContain('standing-unreachable');
  expect(html).not.toContain('standing-serving');
  const { keys } = await (await operatorOf(world.system)).call('keys.list', {});
  expect(keys.map(({ upstream }) => upstream?.kind)).toEqual([
    'connection_failed',
    'connection_failed',
  ]);

  await world.front.mend();
  await expect
    .poll(() => kms(world.system, 'why-not', 'key-2'))
    .toContain('can serve paid models now');
});
