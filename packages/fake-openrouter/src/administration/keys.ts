import { badRequest, newId, notFound } from '../objects/objects.ts';
import { keyHash, keyLabel, limitRemaining, type Key } from '../accounts/key.ts';
import { publicRoutes, routesFor, type KeyedCall, type Reply } from '../routes/route.ts';

const WORKSPACE = '00000000-0000-4000-8000-000000000000';

function documentOf(key: Key, now: number): object {
  const { account, usage, spent } = key;
  return {
    ...{ hash: keyHash(key), name: key.name, label: keyLabel(key), disabled: key.revoked },
    ...{ limit: key.limit, limit_remaining: limitRemaining(key, now), limit_reset: key.limitReset },
    ...{ usage, usage_daily: spent, usage_weekly: spent, usage_monthly: spent },
    ...{ byok_usage: 0, byok_usage_daily: 0, byok_usage_weekly: 0, byok_usage_monthly: 0 },
    ...{ include_byok_in_limit: false, external_user: null, expires_at: null },
    ...{ creator_user_id: account.userId, workspace_id: WORKSPACE },
    ...{ created_at: new Date(now).toISOString(), updated_at: null },
  };
}

const theKey = ({ state, key, parameters }: KeyedCall) =>
  state.keys.find((one) => one.account === key.account && keyHash(one) === parameters['hash']);

function create(call: KeyedCall): Reply {
  const { exchange, state, key, now } = call;
  if (typeof exchange.json['name'] !== 'string') return badRequest('name: Required');
  const made = state.addKey({ account: key.account, name: exchange.json['name'] });
  state.creations.add('key', keyHash(made), call);
  return { json: { data: documentOf(made, now), key: made.secret }, status: 201 };
}

function change(call: KeyedCall): Reply {
  const found = theKey(call);
  if (found === undefined) return notFound('Key');
  const { limit, disabled } = call.exchange.json;
  if (typeof limit === 'number' || limit === null) found.limit = limit;
  if (typeof disabled === 'boolean') found.revoked = disabled;
  return { json: { data: documentOf(found, call.now) } };
}

function remove(call: KeyedCall): Reply {
  const found = theKey(call);
  if (found === undefined) return notFound('Key');
  found.revoked = true;
  return { json: { deleted: true } };
}

/** An ordinary key can make a code, and with the code anybody a key of the same account. */
function createCode(call: KeyedCall): Reply {
  const { exchange, state, key, now } = call;
  if (typeof exchange.json['callback_url'] !== 'string')
    return badRequest('callback_url: Required');
  const id = newId('auth_code');
  state.authCodes.add(id, key.account, key.account);
  state.creations.add('auth code', id, call);
  return { json: { data: { id, app_id: 1, created_at: new Date(now).toISOString() } } };
}

const JWK = { alg: 'ES256', crv: 'P-256', kid: 'fake', kty: 'EC', use: 'sig', x: 'x', y: 'y' };

export const KEY_ROUTES = [
  ...routesFor('management', {
    'GET /keys': ({ state, key, now }) => ({
      json: {
        data: state.keys
          .filter(({ account }) => account === key.account)
          .map((one) => documentOf(one, now)),
      },
    }),
    'POST /keys': create,
    'GET /keys/{hash}': (call) => {
      const found = theKey(call);
      return found === undefined
        ? notFound('Key')
        : { json: { data: documentOf(found, call.now) } };
    },
    'PATCH /keys/{hash}': change,
    'DELETE /keys/{hash}': remove,
  }),
  ...routesFor('either', { 'POST /auth/keys/code': createCode }),
  ...publicRoutes({
    'POST /auth/keys': ({ exchange, state }) => {
      const code = exchange.json['code'];
      const account = typeof code === 'string' ? state.authCodes.find(code) : undefined;
      if (account === undefined) return notFound('Code');
      state.authCodes.delete(String(code));
      return { json: { key: state.addKey({ account }).secret, user_id: account.userId } };
    },
    'GET /oauth/jwks': () => ({ json: { keys: [JWK] } }),
    'POST /oauth/token': () => ({
      json: {
        ...{ access_token: 'fake', expires_in: 3600, scope: 'inference', token_type: 'Bearer' },
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      },
    }),
  }),
];
