import { Secret } from '@openrouter-proxy/runtime';
import { startGateway } from '../../src/gateway.ts';
import { handOver } from './hand-over.ts';

// A gateway in a process of its own: prints its port, and what it logs.
const [, , upstreamUrl = '', socket = '', token = ''] = process.argv;
const write = (message: string) => console.log(message);
const logger = {
  log: (_level: string, message: string) => write(message),
  debug: write,
  info: write,
  warning: write,
  error: write,
  critical: write,
};
const service = await startGateway(handOver(upstreamUrl, { socket, token: new Secret(token) }), {
  main: logger,
  access: () => undefined,
});
console.log(`port=${service.address?.port ?? 0}`);
