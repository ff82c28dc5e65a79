import type { ErrorFamily, Fault } from '@openrouter-proxy/fake-openrouter';
import type { KmsClient } from '@openrouter-proxy/kms-protocol';
import { expect, it } from 'vitest';
import { killChild } from '../support/processes.ts';
import { operatorOf } from '../support/operator.ts';
import { startProduct, type Product } from '../support/product.ts';

/** What the first attempt is said to have met with, and what is said to have followed. */
const FAMILIES: Readonly<Record<ErrorFamily, [outcome: string, followed: string]>> = {
  free_per_minute: ['free requests used up (429)', 'for free models: set aside for'],
  free_per_day: ['free requests used up (429)', 'for free models: set aside for'],
  model_throttled: ['model rate limited (429)', 'on account'],
  provider_shared_pool: ['provider overloaded (429)', ''],
  provider_google: ['provider overloaded (429)', ''],
  capacity_exhausted: ['model at capacity (429)', ''],
  unnamed_limit: ['rate limited (429)', 'on this key: set aside for'],
  edge_blocked: ['address blocked (', ''],
  key_limit: ['key limit reached (403)', 'cools for'],
  key_limit_402: ['key limit reached (402)', 'cools for'],
  insufficient_credits: ['credits used up (402)', 'for paid models: set aside for'],
  in_flight_budget: ['credits held by running requests (402)', 'for paid models: set aside for'],
  request_too_expensive: ['request refused (402)', ''],
  workspace_budget: ['budget used up (', 'for paid models: set aside for'],
  cannot_afford: ['too few credits for this request (402)', ''],
  no_allowed_providers: ['not allowed by account settings (404)', 'on account'],
  data_policy: ['not allowed by account settings (404)', 'on account'],
  privacy_restricted: ['not allowed by account settings (404)', 'on account'],
  guardrail_models: ['not allowed by account settings (404)', 'on account'],
  guardrail_blocked: ['not allowed by account settings (403)', 'on account'],
  preset_not_found: ['not allowed by account settings (404)', 'on account'],
  no_endpoints: ['request refused (404)', ''],
  management_key: ['key refused (403)', 'cools for'],
  unauthorized: ['key refused (401)', 'cools for'],
  no_credentials: ['key refused (401)', 'cools for'],
  moderation: ['request refused (403)', ''],
  management_only: ['request refused (', ''],
  invalid_model: ['request refused (400)', ''],
  bad_request: ['request refused (400)', ''],
  provider_bad_request: ['request refused (400)', ''],
  not_found: ['request refused (404)', ''],
  timeout: ['provider failed (408)', ''],
  payload_too_large: ['request refused (413)', ''],
  unprocessable: ['request refused (422)', ''],
  internal: ['provider failed (500)', ''],
  provider_failed: ['provider failed (502)', ''],
  unavailable: ['provider (failed|overloaded) \\(503', ''],
  overloaded: ['provider overloaded (529)', ''],
};

const TROUBLES: Readonly<Record<string, [fault: Fault, outcome: string]>> = {
  'an error within a 200': [{ kind: 'error-in-200', where: 'body' }, 'provider failed (502)'],
  'an error beside the choice': [
    { kind: 'error-in-200', where: 'choice' },
    'provider failed (502)',
  ],
  'a reset before the head': [{ kind: 'reset', when: 'before-headers' }, 'connection failed after'],
  'an end before the head': [{ kind: 'end', when: 'before-headers' }, 'connection failed after'],
  'an end within the document': [{ kind: 'end', when: 'after-headers' }, 'answer cut off after'],
  'no HTTP': [{ kind: 'raw', bytes: 'HTTP/1.1 099 No\r\n\r\n' }, 'connection failed after'],
};

const CASES: [name: string, fault: Fault, outcome: string, followed: string][] = [
  ...Object.entries(TROUBLES).map(([name, [fault, outcome]]): (typeof CASES)[number] => [
    name,
    fault,
    outcome,
    '',
  ]),
  ...Object.entries(FAMILIES).map(([family, [outcome, followed]]): (typeof CASES)[number] => [
    family,
    { kind: 'refuse', family: family as ErrorFamily },
    outcome,
    followed,
  ]),
];

const pattern = (words: string) =>
  words.includes('\\') ? words : words.replaceAll(/[()]/g, String.raw`\$&`);

/** Sends one request that meets with a fault at first, and gives its answer's status and its story. */
async function tell(
  { fake, system, accessKey }: Product,
  operator: KmsClient,
  { name, model, fault }: { name: string; model: string; fault: Fault },
) {
  const requestId = `met-with-${name.replaceAll(' ', '-')}`;
  fake.rules.add({ match: { requestId }, fault, times: 1 });
  const answer = await fetch(`${system.url}/api/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessKey}`, 'x-request-id': requestId },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
  });
  await answer.text();
  const explain = () => operator.call('requests.explain', { requestId });
  await expect.poll(async () => (await explain()).request?.end?.status).toBe(answer.status);
  return { status: answer.status, story: (await explain()).story };
}

it('the story of a request, whatever it met with, is told in under ten lines', async () => {
  const product = await startProduct(60);
  const operator = await operatorOf(product.system);
  const list = await fetch(`${product.fake.url}/models`);
  const models = ((await list.json()) as { data: { id: string }[] }).data.map(({ id }) => id);
  for (const [index, [name, fault, outcome, followed]] of CASES.entries()) {
    const model = models[index] ?? '';
    const { status, story } = await tell(product, operator, { name, model, fault });
    const [head, first] = story;
    expect.soft(story.length, name).toBeLessThan(10);
    expect.soft(head, name).toContain(model);
    const met = String.raw`^1\. key-\d+ \(round robin among \d+.*\): ${pattern(outcome)}`;
    expect.soft(first, name).toMatch(new RegExp(met));
    expect.soft(first, name).toMatch(new RegExp(followed === '' ? '' : `→ .*${followed}`));
    if (status === 200) expect.soft(story.at(-2), name).toMatch(/^\d\..*: answered \(200\)/);
    expect.soft(story.at(-1), name).toMatch(new RegExp(`^The client got ${status}`));
  }
});

it('a key that is used elsewhere is noticed', async () => {
  const product = await startProduct(2);
  const { fake, system } = product;
  const [leaked] = fake.keys;
  if (leaked === undefined) throw new Error('the fake has no key');
  const operator = await operatorOf(system);
  const found = async () => (await operator.call('keys.list', {})).keys[0]?.unexplainedCost;
  await system.line(({ message }) => message === 'ready');
  const requests = () => fake.requests.records.filter(({ url }) => url.endsWith('/key')).length;
  await expect.poll(requests).toBeGreaterThanOrEqual(1);
  expect(await found()).toBeNull();
  // Whoever has found the key spends its credits.
  for (let n = 0; n < 3; n += 1) {
    const answer = await fetch(`${fake.url}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${leaked.secret}` },
      body: JSON.stringify({
        model: 'openai/gpt-4o',
        messages: [{ role: 'user', content: 'x'.repeat(100_000) }],
      }),
    });
    expect(answer.status).toBe(200);
  }
  // A service that starts asks about every key.
  await killChild(system.launcher, 'kms');
  const line = await system.line(({ message }) => message.startsWith('a key is used elsewhere'));
  expect(line).toMatchObject({ level: 'WARNING', key: 'key-1' });
  expect(await found()).toBeGreaterThan(0.05);
  const scrape = await fetch(`${system.url}/metrics/raw`, {
    headers: { authorization: `Bearer ${system.accessKey}` },
  });
  expect(await scrape.text()).toMatch(
    /openrouter_proxy_key_unexplained_usage_credits\{key="key-1"\} 0\.\d/,
  );
});
