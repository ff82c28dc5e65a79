import { Agent as HttpAgent, type AgentOptions } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { HttpProxyAgent } from 'http-proxy-agent';
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
  const proxy = requestProxy.reveal();
  if (proxy.startsWith('socks')) return new SocksProxyAgent(proxy, OPTIONS);
  return secure ? new HttpsProxyAgent(proxy, OPTIONS) : new HttpProxyAgent(proxy, OPTIONS);
}
