import { PROGRAMS } from '@openrouter-proxy/end-to-end';
import { execa } from 'execa';
import { expect } from 'vitest';
import type { System } from './system.ts';

/** What `/health?verbose=1` says of a cause. */
interface Cause {
  cause: string;
  severity: 'warning' | 'critical';
  sentence: string;
  action: string;
}

/** A state that every surface is to show. */
export interface Shown {
  cause: string;
  severity: Cause['severity'];
  /** What its sentence begins with. */
  sentence: RegExp;
  /** Another process than the key service writes the log line. */
  component?: string;
}

async function get({ url, accessKey }: System, place: string, headers: object = {}) {
  const authorization = { authorization: `Bearer ${accessKey}` };
  return fetch(url + place, { headers: { ...authorization, ...headers } });
}

async function causes(system: System): Promise<Cause[]> {
  const answer = await get(system, '/health?verbose=1');
  return ((await answer.json()) as { causes: Cause[] }).causes;
}

/** What `kms` prints. */
export async function kms(system: System, ...args: string[]): Promise<string> {
  const { all } = await execa(
    process.execPath,
    [PROGRAMS.cli, '--socket', system.socket, ...args],
    {
      ...{ all: true, reject: false, env: { NO_COLOR: '1' } },
    },
  );
  return all;
}

/** The text of a page, without its tags. */
const textOf = (html: string) =>
  html
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');

/** Without code marks and times: the page has tags for the former, and page and CLI have the times of their reader. */
const compared = (text: string) =>
  text.replaceAll('`', '').replaceAll(/\b(since|until) [^.:]*\d\d:\d\d(:\d\d)?( UTC)?/g, '$1');

async function page(system: System): Promise<string> {
  return textOf(await (await get(system, '/metrics', { accept: 'text/html' })).text());
}

async function gauge(system: System, cause: string): Promise<string | undefined> {
  const text = await (await get(system, '/metrics/raw')).text();
  return new RegExp(`^openrouter_proxy_health\\{cause="${cause}"\\} (\\d)$`, 'm').exec(text)?.[1];
}

/** Resolves when every surface says the same of a state. */
export async function everySurfaceShows(system: System, shown: Shown): Promise<void> {
  const { cause, severity, component = 'kms' } = shown;
  const isCritical = severity === 'critical';
  const find = async () => (await causes(system)).find((each) => each.cause === cause);
  await expect.poll(find).toMatchObject({
    severity,
    sentence: expect.stringMatching(shown.sentence) as string,
  });
  // What the other side said last may change in between: then all are read again.
  const difference = async () => {
    try {
      const said = await find();
      if (said === undefined) return 'the cause is gone';
      await expectSameOnAll(system, said, component === 'kms');
      return 'none';
    } catch (error) {
      return String(error);
    }
  };
  await expect.poll(difference).toBe('none');
  const line = await system.line((each) => each['cause'] === cause && each.component === component);
  expect(line.level).toBe(isCritical ? 'ERROR' : 'WARNING');
  expect(line['action']).toBeTypeOf('string');
}

async function expectSameOnAll(system: System, said: Cause, isKmsThere: boolean): Promise<void> {
  const { cause, severity, sentence, action } = said;
  const isCritical = severity === 'critical';
  const health = await get(system, '/health');
  const body = (await health.json()) as { status: string; reasons?: string[] };
  if (isCritical) expect(body).toMatchObject({ reasons: expect.arrayContaining([sentence]) as [] });
  else expect(body.reasons ?? []).not.toContain(sentence);
  expect(health.status === 503).toBe(body.status === 'degraded');
  expect(await gauge(system, cause)).toBe('1');
  const html = await page(system);
  for (const text of [sentence, action].map(compared)) {
    expect(compared(html).includes(text), text).toBe(true);
  }
  expect(html.includes('Serving normally')).toBe(false);
  if (isCritical) expect(html.includes('Degraded')).toBe(true);
  if (!isKmsThere) return;
  const status = await kms(system, 'status');
  expect(compared(status)).toContain(compared(sentence));
  expect(compared(status)).toContain(compared(action));
  expect(status).not.toMatch(/^pool +serving$/m);
}

/** Resolves when no surface shows the cause any more. */
export async function everySurfaceIsGreen(system: System, cause: string): Promise<void> {
  const level = async () => {
    const answer = await get(system, '/health?verbose=1');
    return ((await answer.json()) as { level: string; causes: Cause[] }).level;
  };
  await expect.poll(level).toBe('ok');
  const health = await get(system, '/health');
  expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }]);
  expect(await gauge(system, cause)).toBe('0');
  expect(await page(system)).toContain('Serving normally');
  expect(await kms(system, 'status')).toMatch(/^pool +serving$/m);
  // On its way to green a critical cause may be a warning for a moment.
  const ends = new Set<unknown>([cause, `some_${cause}`]);
  await system.line(
    ({ cause: of, level: at, message }) =>
      ends.has(of) && at === 'INFO' && message.startsWith('health: '),
  );
}
