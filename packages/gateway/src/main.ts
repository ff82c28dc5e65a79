#!/usr/bin/env node
import { gatewayHandOver, type GatewayHandOver } from '@openrouter-proxy/config';
import { createLogger, createMasker, runService } from '@openrouter-proxy/runtime';
import { logExchange } from './access-log.ts';
import type { Exchange } from './exchange.ts';
import { startGateway } from './gateway.ts';

const secretsOf = ({ accessKeys, kms, upstream: { requestProxy } }: GatewayHandOver) =>
  [
    ...accessKeys.map(({ key }) => key),
    kms.token,
    ...(requestProxy === null ? [] : [requestProxy]),
  ].map((secret) => secret.reveal());

await runService(async (message) => {
  const options = gatewayHandOver.parse(message);
  const masker = createMasker();
  masker.add(...secretsOf(options));
  const { level, httpLevel, format } = options.log;
  const common = { component: 'gateway', format, masker };
  const accessLog = createLogger({ ...common, level: httpLevel });
  const main = createLogger({ ...common, level });
  const access = (exchange: Exchange) => logExchange(accessLog, exchange);
  const gateway = await startGateway(options, { main, access });
  return {
    ...gateway,
    configure(handOver) {
      const changed = gatewayHandOver.parse(handOver);
      masker.add(...secretsOf(changed));
      gateway.configure(changed);
      main.setLevel(changed.log.level);
      accessLog.setLevel(changed.log.httpLevel);
      return Promise.resolve();
    },
  };
});
