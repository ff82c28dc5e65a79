import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from '../errors/gateway-error.ts';
import type { BaseUrlMistake } from './request-target.ts';

/** This gateway's base URL as the client sees it, as far as its request shows. */
function baseUrl(headers: IncomingHttpHeaders): string {
  const scheme = headers['x-forwarded-proto'] === 'https' ? 'https' : 'http';
  return `${scheme}://${headers.host ?? 'HOST'}/api/v1`;
}

const WHAT_IS_WRONG: Readonly<Record<BaseUrlMistake, string>> = {
  'prefix twice': 'The path has the prefix of the API twice.',
  'endpoint twice': 'The path has an endpoint twice: the client adds it to the base URL by itself.',
};

/** The error for a path that is not served, with the base URL that a client needs. */
export function unknownPath(
  headers: IncomingHttpHeaders,
  mistake: BaseUrlMistake | null,
): GatewayError {
  const problem = mistake === null ? 'No such path.' : WHAT_IS_WRONG[mistake];
  const advice = `Set the base URL of your client to ${baseUrl(headers)} (for Anthropic's clients without /v1).`;
  return new GatewayError('not_found', `${problem} ${advice}`);
}
