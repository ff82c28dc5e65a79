import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';

const program = join(import.meta.dirname, 'fixtures', 'logs.ts');
const secret = `${randomUUID()}"\\ü`;

async function linesOf(format: string, level = 'INFO', env = {}): Promise<string[]> {
  const { stdout, stderr } = await execa(process.execPath, [program, format, level, secret], {
    env,
  });
  expect(stderr).toBe('');
  return stdout.split('\n');
}

describe('the JSON log', () => {
  const read = async (level?: string) =>
    (await linesOf('json', level)).map((line) => JSON.parse(line) as Record<string, unknown>);

  it('is one object a line, and begins with time, level, component and message', async () => {
    const [line = ''] = await linesOf('json');
    const { time, ...rest } = JSON.parse(line) as { time: string };
    expect(line).toMatch(/^\{"time":"[^"]+","level":"INFO","component":"kms","message":"served",/);
    expect(new Date(time).toISOString()).toBe(time);
    expect(rest).toEqual({
      level: 'INFO',
      component: 'kms',
      message: 'served',
      status: 200,
      ratio: 0.5,
      path: '/api/v1/models',
      bytes: '10',
    });
  });

  it('is what stands in a pipe when the format is auto', async () => {
    expect(JSON.parse((await linesOf('auto'))[0] ?? '')).toMatchObject({ message: 'served' });
  });

  it('holds nothing below its level', async () => {
    expect((await read('DEBUG'))[0]).toMatchObject({ level: 'DEBUG', message: 'quiet' });
    expect((await read('ERROR'))[0]).toMatchObject({ level: 'ERROR', message: 'failed' });
    expect(await read('CRITICAL')).toHaveLength(1);
  });

  it('tells an error with its cause and code', async () => {
    const line = (await read()).find(({ message }) => message === 'failed');
    expect(line?.['error']).toEqual({
      error: 'no answer',
      cause: { error: 'refused ***', code: 'ECONNREFUSED' },
    });
  });
});

it('is taken to its last line by a reader that is slow, though the process has exited', async () => {
  const slow = join(import.meta.dirname, 'fixtures', 'logs-much.ts');
  const [reads, writes] = ['sleep 0.3; cat', `"${process.execPath}" "${slow}" 2000`];
  const { stdout } = await execa('sh', ['-c', `${writes} | (${reads})`]);
  const numbers = stdout.split('\n').map((line) => (JSON.parse(line) as { n: number }).n);
  expect(numbers).toEqual(Array.from({ length: 2_000 }, (_, n) => n));
});

describe('the pretty log', () => {
  it('has the local time, while the JSON log has UTC', async () => {
    const [inUtc, inKolkata] = await Promise.all(
      ['UTC', 'Asia/Kolkata'].map(async (TZ) => (await linesOf('pretty', 'INFO', { TZ }))[0] ?? ''),
    );
    const minuteOfDay = (line = '') => Number(line.slice(0, 2)) * 60 + Number(line.slice(3, 5));
    const ahead = (minuteOfDay(inKolkata) - minuteOfDay(inUtc) + 1_440) % 1_440;
    expect([329, 330, 331]).toContain(ahead); // India is 5 h 30 min ahead; a minute may end in between
    const [json = ''] = await linesOf('json', 'INFO', { TZ: 'Asia/Kolkata' });
    const { time } = JSON.parse(json) as { time: string };
    expect(time).toMatch(/Z$/);
  });

  it('writes fields as name=value', async () => {
    expect((await linesOf('pretty'))[0]).toMatch(
      /^[\d:.]{12} INFO {5}kms {6}served status=200 ratio=0.5 path=\/api\/v1\/models bytes="10"$/,
    );
  });

  it('puts a stack below its line', async () => {
    expect((await linesOf('pretty')).slice(-2)).toEqual(['Error: x', '    at y']);
  });
});

it.each(['json', 'pretty'])('the %s log holds no known secret', async (format) => {
  const text = (await linesOf(format, 'DEBUG')).join('\n');
  expect(text).not.toContain(secret.slice(0, 36));
  expect(text).toContain('said ***');
});
