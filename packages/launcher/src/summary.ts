import type { KmsHandOver } from '@openrouter-proxy/config';
import type { Address } from '@openrouter-proxy/runtime';
import { urlOf } from './url.ts';

/** What a person wants to know once everything serves. */
export interface Summary {
  /** Base URL for clients. */
  readonly clients: string;
  readonly dashboard: string;
  /** Where the clients' access key is found; never the key. */
  readonly accessKey: string;
  /** How many upstream keys there are. */
  readonly keys: number;
  readonly kmsSocket: string;
}

/** Sums up a start: where the gateway listens, where the access key is, what the KMS was given. */
export function summarise(gateway: Address, accessKey: string, kms: KmsHandOver): Summary {
  const url = urlOf(gateway);
  return {
    clients: `${url}/api/v1`,
    dashboard: `${url}/metrics`,
    accessKey,
    keys: kms.keys.length,
    kmsSocket: kms.socket,
  };
}

/** The summary as a block of text for a terminal. */
export const banner = ({ clients, dashboard, accessKey, keys, kmsSocket }: Summary) => `
  openrouter-proxy is ready

  clients     ${clients}
  dashboard   ${dashboard}
  access key  ${accessKey}
  keys        ${keys}
  KMS socket  ${kmsSocket}

`;
