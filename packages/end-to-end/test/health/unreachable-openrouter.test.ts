import { expect, it } from 'vitest';
import { sharedWorld, type World } from '../support/health-world.ts';
import { operatorOf } from '../support/operator.ts';
import { PAID_MODEL } from '../support/product.ts';
import { kms } from '../support/surfaces.ts';

const startWorld = sharedWorld();

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

it('clients are told why OpenRouter cannot be reached, first and later, and not at which address', async () => {
  const world = await startWorld();
  await world.front.cut();
  const codes = new Set<string>();
  // A success of a moment ago keeps the circuit breaker closed.
  const askAgain = async () => {
    const { error } = (await (await ask(world)).json()) as {
      error: { message: string; metadata: { reason: string } };
    };
    codes.add(error.metadata.reason);
    expect(error.message).toMatch(/^OpenRouter cannot be reached\.( Try again in \d+ s\.)?$/);
    return [...codes];
  };
  await expect.poll(askAgain).toEqual(['upstream_unreachable', 'upstream_blocked']);
  const requests = () => kms(world.system, 'requests');
  await expect.poll(requests).toContain('OpenRouter could not be reached (502)');
});

it('when OpenRouter refuses every key, nobody is told to wait, and the lane shows it', async () => {
  const world = await startWorld();
  for (const key of world.fake.keys) key.revoked = true;
  await ask(world);
  await expect.poll(() => kms(world.system, 'status')).toMatch(/OpenRouter refuses all 2 keys/);
  const answer = await ask(world);
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, null]);
  expect(answer.headers.get('x-should-retry')).toBe('false');
  expect(await answer.text()).toMatch(/refuses every key of this gateway \(401\).*operator/);
  const whyNot = await kms(world.system, 'why-not', 'key-1');
  expect(whyNot).toMatch(/^key-1 cannot serve .*\n {2}OpenRouter refuses the key: HTTP 401/);
  expect(whyNot).not.toContain('until');
  const id = answer.headers.get('x-request-id') ?? '';
  const explained = () => kms(world.system, 'explain', id);
  await expect.poll(explained).toContain('which only other keys can end');
  await expect.poll(() => page(world)).toContain('lane-refused');
});
