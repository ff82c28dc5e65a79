import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { gatewayConfiguration, type GatewayConfiguration } from '@openrouter-proxy/config';
import type { Address } from '@openrouter-proxy/runtime';
import type { Answer, Program } from '../supervision/program.ts';
import { urlOf } from '../announcements/url.ts';

/** Added to the grace period of running streams, for the rest of the stop. */
const BEYOND_GRACE_MS = 5_000;

/** The gateway, as the launcher runs it. */
export function gatewayProgram(configuration: () => GatewayConfiguration): Program {
  let { port } = configuration().server;
  return {
    name: 'gateway',
    path: fileURLToPath(new URL('gateway.js', import.meta.url)), // beside this program in dist/
    get stopGraceMs() {
      return configuration().server.shutdownGraceMs + BEYOND_GRACE_MS;
    },
    configuration: () => {
      const { server, ...others } = configuration();
      return gatewayConfiguration.encode({ ...others, server: { ...server, port } });
    },
    ask: (address, signal) => {
      if (address === null) throw new Error('the gateway did not say where it listens');
      port = address.port; // after a restart, a port chosen by the system must stay the same
      return askReadiness(address, signal);
    },
  };
}

/** `GET /health/ready`: 200 if the gateway is ready; otherwise the body has the reason. */
async function askReadiness(address: Address, signal: AbortSignal): Promise<Answer> {
  const request = get(`${urlOf(address)}/health/ready`, { agent: false, signal });
  const [response] = (await once(request, 'response', { signal })) as [IncomingMessage];
  const body = await text(response);
  return response.statusCode === 200 ? { kind: 'ready' } : { kind: 'not-ready', reason: body };
}
