import type { GatewayConfiguration } from '@openrouter-proxy/config';
import type { ClientAuth } from '../auth/client-auth.ts';
import type { WrongKeyThrottle } from '../auth/wrong-key-throttle.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { CLIENT_GONE, endWithError, type StopReason } from '../request/request-end.ts';
import type { RequestContext } from '../response/request-context.ts';
import { isPublic, type RequestTarget } from './request-target.ts';

/** The access keys and the settings that decide who may send a request. */
export interface AuthenticationDeps {
  readonly auth: ClientAuth;
  readonly wrongKeys: Pick<WrongKeyThrottle, 'hold'>;
  readonly settings: {
    readonly rules: Pick<GatewayConfiguration['rules'], 'publicEndpoints'>;
    readonly metrics: Pick<GatewayConfiguration['metrics'], 'public'>;
  };
}

function isOpen(
  target: RequestTarget,
  { rules, metrics }: AuthenticationDeps['settings'],
): boolean {
  switch (target.kind) {
    case 'api':
      return isPublic(`/api/v1${target.path}`, rules.publicEndpoints);
    case 'health':
      return !target.verbose;
    case 'metrics':
      return metrics.public;
    case 'entry':
    case 'unknown':
      return true;
  }
}

/**
 * Default deny: only what is listed as public, and the short health answers, need no access key. Null:
 * the request may go on.
 */
export function authenticate(
  context: RequestContext,
  target: RequestTarget,
  { auth, settings, wrongKeys }: AuthenticationDeps,
): StopReason | Promise<StopReason> | null {
  const { headers } = context.request;
  const credential = auth(headers, { allowBasic: target.kind === 'metrics' });
  context.progress.authenticated(credential.kind === 'known' ? credential.name : null);
  if (credential.kind === 'known' || isOpen(target, settings)) return null;
  return credential.kind === 'wrong'
    ? refuseWrongKey(context, target, wrongKeys)
    : unauthorized(context, target);
}

function unauthorized({ writer }: RequestContext, target: RequestTarget): StopReason {
  if (target.kind === 'metrics') {
    const challenge = 'Basic realm="openrouter-proxy", charset="UTF-8"';
    writer.response.setHeader('www-authenticate', challenge);
  }
  const message =
    'The access key is missing or wrong. Send it as `Authorization: Bearer KEY` or `x-api-key: KEY`.';
  return endWithError(new GatewayError('unauthorized', message));
}

/** Refuses a wrong access key, after a delay that grows with the wrong keys of the same network. */
async function refuseWrongKey(
  context: RequestContext,
  target: RequestTarget,
  throttle: AuthenticationDeps['wrongKeys'],
): Promise<StopReason> {
  const { response } = context.writer;
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const held = await throttle.hold(context.identity.address, gone.signal);
  if (gone.signal.aborted) return CLIENT_GONE;
  if (held === 'waited') return unauthorized(context, target);
  response.setHeader('connection', 'close');
  const message =
    'Too many requests with a wrong access key came from this address. Send the right key: it is never slowed.';
  return endWithError(new GatewayError('too_many_wrong_keys', message));
}
