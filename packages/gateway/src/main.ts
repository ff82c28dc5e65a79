#!/usr/bin/env node
import cluster from 'node:cluster';
import { gatewayConfiguration, type GatewayConfiguration } from '@openrouter-proxy/config';
import {
  createMasker,
  runService,
  type LauncherLink,
  type Masker,
  type ProcessLogger,
  type Service,
} from '@openrouter-proxy/runtime';
import { createLogger } from '@openrouter-proxy/runtime/logger';
import { logRequest } from './telemetry/access-log.ts';
import type { RequestRecord } from './request/request-record.ts';
import { startGateway, type Gateway } from './gateway.ts';
import { startWorkers } from './workers/primary.ts';
import { ALONE, primaryRequest, siblingsOver } from './workers/siblings.ts';

const secretsOf = ({ accessKeys, kms, upstream: { requestProxy } }: GatewayConfiguration) =>
  [
    ...accessKeys.map(({ key }) => key),
    kms.token,
    ...(requestProxy === null ? [] : [requestProxy]),
  ].map((secret) => secret.reveal());

/** Answers the primary process's questions to a worker. */
const answering =
  ({ own }: Gateway) =>
  async (what: unknown): Promise<unknown> => {
    const asked = primaryRequest.parse(what);
    if ('ping' in asked) return {};
    return asked.look === 'metrics' ? own.metrics() : own.load();
  };

/** Serves requests in this process: the gateway's only one, or one of its workers. */
async function startProcess(
  options: GatewayConfiguration,
  launcher: LauncherLink,
  masker: Masker,
  main: ProcessLogger,
): Promise<Service> {
  const { httpLevel, format } = options.log;
  const accessLog = createLogger({ component: 'gateway', level: httpLevel, format, masker });
  const access = (record: RequestRecord) => logRequest(accessLog, record);
  const { worker } = cluster;
  const listMs = options.upstream.firstByteTimeoutMs;
  const siblings = worker === undefined ? ALONE : siblingsOver(launcher, worker.id, listMs);
  const gateway = await startGateway(options, { main, access }, { siblings });
  return {
    ...gateway,
    answer: answering(gateway),
    configure(configuration) {
      const changed = gatewayConfiguration.parse(configuration);
      masker.add(...secretsOf(changed));
      gateway.configure(changed);
      main.setLevel(changed.log.level);
      accessLog.setLevel(changed.log.httpLevel);
      return Promise.resolve();
    },
  };
}

await runService(async (message, launcher) => {
  const options = gatewayConfiguration.parse(message);
  const masker = createMasker();
  masker.add(...secretsOf(options));
  const { level, format } = options.log;
  const main = createLogger({ component: 'gateway', level, format, masker });
  if (cluster.isPrimary && options.server.workers > 1) return startWorkers(options, main);
  return startProcess(options, launcher, masker, main);
});
