import type { NetworkInterfaceInfo } from 'node:os';
import { isLoopbackHost, type KmsConfiguration } from '@openrouter-proxy/config';
import type { Address } from '@openrouter-proxy/runtime';
import { listeningUrls } from './listening-addresses.ts';
import { urlOf } from './url.ts';

/** The summary of a start, shown when everything is ready. */
export interface Summary {
  /** Base URL for clients. */
  readonly clients: string;
  readonly dashboard: string;
  /** The URL of every address on which the gateway listens. */
  readonly listensOn: readonly string[];
  /** Whether other machines may be able to connect. */
  readonly isReachableByOthers: boolean;
  /** The place of the clients' access key; never the key. */
  readonly accessKey: string;
  /** The number of upstream keys. */
  readonly keys: number;
  readonly kmsSocket: string;
}

/** Summarizes a start: the gateway's addresses, the place of the access key, the KMS's keys. */
export function summarise(
  gateway: Address,
  accessKey: string,
  kms: KmsConfiguration,
  interfaces: readonly NetworkInterfaceInfo[],
): Summary {
  const url = urlOf(gateway);
  return {
    clients: `${url}/api/v1`,
    dashboard: `${url}/metrics`,
    listensOn: listeningUrls(gateway, interfaces),
    isReachableByOthers: !isLoopbackHost(gateway.host),
    accessKey,
    keys: kms.keys.length,
    kmsSocket: kms.socket,
  };
}

/** The warning that other machines can connect; `hostPlace` names the setting that allows it. */
export function reachableWarning(hostPlace: string): string {
  return `other machines can connect to the gateway, without TLS: set ${hostPlace} to 127.0.0.1 to keep it to this machine, or put a reverse proxy with TLS in front (docs/reverse-proxy.md)`;
}

/** The summary as a block of text for a terminal. */
export function banner(summary: Summary, hostPlace: string): string {
  const { clients, dashboard, listensOn, isReachableByOthers, accessKey, keys, kmsSocket } =
    summary;
  const addresses = isReachableByOthers
    ? listensOn.join('\n              ')
    : `${listensOn.join(', ')} (this machine only)`;
  const warning = isReachableByOthers ? `\n  warning     ${reachableWarning(hostPlace)}\n` : '';
  return `
  openrouter-proxy is ready

  clients     ${clients}
  dashboard   ${dashboard}
  listens on  ${addresses}
  access key  ${accessKey}
  keys        ${keys}
  KMS socket  ${kmsSocket}
${warning}
`;
}
