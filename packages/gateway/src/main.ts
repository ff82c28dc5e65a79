#!/usr/bin/env node
import { gatewayHandOver } from '@openrouter-proxy/config';
import { createLogger, createMasker, runService } from '@openrouter-proxy/runtime';
import { logExchange } from './access-log.ts';
import { startGateway } from './gateway.ts';

await runService((message) => {
  const options = gatewayHandOver.parse(message);
  const masker = createMasker();
  masker.add(...options.accessKeys.map(({ key }) => key.reveal()), options.kms.token.reveal());
  if (options.upstream.requestProxy !== null) masker.add(options.upstream.requestProxy.reveal());
  const { level, httpLevel, format } = options.log;
  const common = { component: 'gateway', format, masker };
  const accessLog = createLogger({ ...common, level: httpLevel });
  return startGateway(options, {
    main: createLogger({ ...common, level }),
    access: (exchange) => logExchange(accessLog, exchange),
  });
});
