import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { Secret } from '@openrouter-proxy/runtime';
import { startTestGateway, type GatewayUnderTest } from './gateway.ts';
import type { Credentials } from './outgoing-proxy.ts';

/** A user with a random password. */
export const newCredentials = (): Credentials => ({
  user: 'user',
  password: randomBytes(12).toString('hex'),
});

/** The URL of a proxy on this machine. */
export const proxyUrl = (scheme: string, { user, password }: Credentials, port: number) =>
  `${scheme}://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}`;

/** Starts a gateway whose requests go through a proxy. */
export function startThrough(upstreamUrl: string, url: string): Promise<GatewayUnderTest> {
  return startTestGateway(upstreamUrl, { upstream: { requestProxy: new Secret(url) } });
}

/** Everything the gateway logged or reported, with the cause of every error. */
export const said = ({ log, records, keys }: GatewayUnderTest) =>
  inspect([log, records.map(({ failure }) => failure), keys.reports], { depth: 8 });
