#!/usr/bin/env node
/**
 * A fake OpenRouter as a program. Prints one line of JSON when it listens: its base URL, its control
 * URL, and its keys. Stops on SIGTERM and SIGINT, and when its standard input ends.
 */
import { parseArgs } from 'node:util';
import { startFakeOpenRouter } from './server.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    /** How many keys, each of an account of its own. */
    keys: { type: 'string', default: '3' },
    /** Free requests a minute for each account. */
    'free-per-minute': { type: 'string', default: '20' },
  },
});

const fake = await startFakeOpenRouter({ port: Number(values.port) });
for (let i = 0; i < Number(values.keys); i += 1) {
  fake.addKey({ account: fake.addAccount({ freePerMinute: Number(values['free-per-minute']) }) });
}
const keys = fake.keys.map(({ name, secret }) => ({ name, secret }));
const control = `http://127.0.0.1:${fake.port}/__control`;
process.stdout.write(`${JSON.stringify({ url: fake.url, control, keys })}\n`);
const stop = () => void fake.stop().then(() => process.exit());
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop);
process.stdin.once('end', stop).resume();
