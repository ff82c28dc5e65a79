import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { OpenRouter } from '@openrouter/sdk';
import { expect, it, onTestFinished } from 'vitest';
import { creditsDocument, keyDocument, type ClientView } from '../src/endpoints/account-view.ts';

const VIEW: ClientView = {
  label: 'alice',
  usage: { total: 12.5, today: 0.1 + 0.2, week: 3, month: 12 },
  limit: { amount: 20, remaining: 7.5, reset: 'monthly' },
  freeRequests: [
    { limit: 1000, used: 10 },
    { limit: 50, used: 60 },
  ],
  isFreeTier: false,
};

async function sdkOver(documents: Readonly<Record<string, object>>): Promise<OpenRouter> {
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(documents[request.url ?? '']));
  });
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo; // a listening TCP server has one
  return new OpenRouter({ apiKey: 'x', serverURL: `http://127.0.0.1:${port}` });
}

it('shows a client its own figures, which the official SDK parses', async () => {
  const sdk = await sdkOver({ '/key': keyDocument(VIEW), '/credits': creditsDocument(VIEW, null) });
  const { data } = await sdk.apiKeys.getCurrentKeyMetadata();
  expect(data).toMatchObject({
    label: 'alice',
    limit: 20,
    limitRemaining: 7.5,
    limitReset: 'monthly',
    usage: 12.5,
    usageDaily: 0.3,
    usageWeekly: 3,
    usageMonthly: 12,
    isFreeTier: false,
    freeModelDailyRequests: { limit: 1050, remaining: 990, used: 70 },
    creatorUserId: null,
    organizationId: null,
    workspaceId: null,
  });
  const credits = await sdk.credits.getCredits();
  expect(credits.data).toEqual({ totalCredits: 20, totalUsage: 12.5 });
});

it('says null for a limit that there is none of, and adds the rest of the pool to the credits', async () => {
  const view: ClientView = { ...VIEW, limit: null, freeRequests: [] };
  const sdk = await sdkOver({ '/key': keyDocument(view), '/credits': creditsDocument(view, 30) });
  const { data } = await sdk.apiKeys.getCurrentKeyMetadata();
  expect([data.limit, data.limitRemaining, data.limitReset]).toEqual([null, null, null]);
  expect(data.freeModelDailyRequests).toEqual({ limit: 0, remaining: 0, used: 0 });
  expect((await sdk.credits.getCredits()).data).toEqual({ totalCredits: 42.5, totalUsage: 12.5 });
});

it('never shows an amount that is not a number', () => {
  const odd = { ...VIEW, usage: { total: NaN, today: Infinity, week: -1, month: 1 } };
  expect(creditsDocument(odd, Infinity).data).toEqual({ total_credits: 7.5, total_usage: 0 });
  expect(keyDocument(odd).data).toMatchObject({ usage: 0, usage_daily: 0, usage_weekly: 0 });
});
