#!/usr/bin/env node
/**
 * A fake OpenRouter as a program. Prints one line of JSON when it listens: its base URL, its control
 * URL, and its keys. Stops on SIGTERM and SIGINT, and when its standard input ends.
 */
import { parseArgs } from 'node:util';
import { startFakeOpenRouter } from './server/server.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
    /** How many keys, each of an account of its own. */
    keys: { type: 'string', default: '3' },
    /** Free requests a minute for each account. */
    'free-per-minute': { type: 'string', default: '20' },
    /** Free requests a UTC day for each account. */
    'free-per-day': { type: 'string', default: '1000' },
  },
});

const fake = await startFakeOpenRouter({ port: Number(values.port), host: values.host });
for (let i = 0; i < Number(values.keys); i += 1) {
  const account = fake.addAccount({
    freePerMinute: Number(values['free-per-minute']),
    freePerDay: Number(values['free-per-day']),
  });
  fake.addKey({ account });
}
const keys = fake.keys.map(({ name, secret }) => ({ name, secret }));
const control = `${new URL(fake.url).origin}/__control`;
process.stdout.write(`${JSON.stringify({ url: fake.url, control, keys })}\n`);
const stop = () => void fake.stop().then(() => process.exit());
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop);
process.stdin.once('end', stop).resume();
