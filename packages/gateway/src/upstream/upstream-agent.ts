import { Agent as HttpAgent, type AgentOptions } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { SocksProxyAgent } from 'socks-proxy-agent';
import type { Secret } from '@openrouter-proxy/runtime';

const OPTIONS: AgentOptions = {
  keepAlive: true,
  // The most recently used connection is the least likely to have been closed by the other side.
  scheduling: 'lifo',
  maxFreeSockets: 256,
};

/** The connections to the upstream: kept alive, and through the operator's outgoing proxy if there is one. */
export function createUpstreamAgent(baseUrl: URL, requestProxy: Secret | null): HttpAgent {
  const secure = baseUrl.protocol === 'https:';
  if (requestProxy === null) return secure ? new HttpsAgent(OPTIONS) : new HttpAgent(OPTIONS);
  const agent = createTunnelAgent(requestProxy.reveal());
  // By default the agent finds out from the call stack whether TLS is used, and is wrong when a
  // connection becomes free: none would ever be used again.
  Object.assign(agent.options, { secureEndpoint: secure });
  return agent;
}

/**
 * A tunnel through the proxy, to a plain upstream too. If the proxy forwarded the requests itself, its own
 * refusals could not be told from the upstream's.
 */
function createTunnelAgent(proxy: string): SocksProxyAgent | HttpsProxyAgent<string> {
  return proxy.startsWith('socks')
    ? new SocksProxyAgent(proxy, OPTIONS)
    : new HttpsProxyAgent(proxy, OPTIONS);
}
