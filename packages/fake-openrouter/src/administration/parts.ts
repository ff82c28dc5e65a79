import { newId, notFound } from '../objects/objects.ts';
import { routesFor, type KeyedCall, type Reply } from '../routes/route.ts';

/** Parts of what is administered: members, assignments, budgets, secrets, jobs. They are kept by a name. */
const iso = (ms: number) => new Date(ms).toISOString();

const named = ({ state, key }: KeyedCall, kind: string) =>
  state.administered.of(key.account).filter((one) => one.kind === kind);

const listOf = (kind: string) => (call: KeyedCall) => ({
  json: listed(named(call, kind).map(({ document }) => document)),
});

const listed = (data: readonly object[]) => ({ data, total_count: data.length });

function keep(call: KeyedCall, kind: string, document: Record<string, unknown>): object {
  const id = typeof document['id'] === 'string' ? document['id'] : newId('part');
  call.state.administered.add(`${kind} ${id}`, call.key.account, { kind, document });
  return document;
}

const size = (value: unknown) => (Array.isArray(value) ? value.length : 0);

const listMember = ({ exchange }: KeyedCall) => Object.values(exchange.json).find(Array.isArray);

function budget(call: KeyedCall): Reply {
  const { parameters, exchange, now } = call;
  const interval = parameters['interval'] ?? 'monthly';
  const data = keep(call, 'budget', {
    ...{ id: `budget-${interval}`, workspace_id: parameters['workspace_ref'] },
    ...{ limit_usd: exchange.json['limit_usd'], reset_interval: interval },
    ...{ created_at: iso(now), updated_at: iso(now) },
  });
  return { json: { data } };
}

function theBudget(call: KeyedCall): Reply {
  const id = `budget-${call.parameters['interval']}`;
  const found = named(call, 'budget').find(({ document }) => document['id'] === id);
  return found === undefined ? notFound('Budget') : { json: { data: found.document } };
}

function secret(call: KeyedCall): Reply {
  const { parameters, now } = call;
  const name = parameters['name'];
  const document = { id: name, name, created_at: iso(now), fingerprint: null, hosts: null };
  keep(call, 'secret', document);
  return { json: { data: document } };
}

const secrets = (call: KeyedCall): Reply => {
  const data = named(call, 'secret').map(({ document }) => document);
  return { json: { data, has_more: false } };
};

const removeSecret = ({ state, parameters }: KeyedCall): Reply => {
  state.administered.delete(`secret ${parameters['name']}`);
  return { empty: true };
};

function syncJob(call: KeyedCall): Reply {
  const id = newId('sync');
  call.state.creations.add('sync job', id, call);
  const document = {
    ...{ id, status: 'pending', created_at: iso(call.now), finished_at: null, started_at: null },
    ...{ deleted_groups: null, error_message: null, synced_groups: null },
  };
  return { json: { data: keep(call, 'sync', document) }, status: 202 };
}

function theSyncJob(call: KeyedCall): Reply {
  const found = named(call, 'sync').find(
    ({ document }) => document['id'] === call.parameters['id'],
  );
  return found === undefined ? notFound('Job') : { json: { data: found.document } };
}

/** An intern answers in a stream. */
const chat = ({ now }: KeyedCall): Reply => ({
  events: [
    {
      ...{ id: newId('gen'), object: 'chat.completion.chunk', created: Math.floor(now / 1000) },
      ...{ model: 'openai/gpt-4o' },
      choices: [
        { index: 0, delta: { role: 'assistant', content: 'Done.' }, finish_reason: 'stop' },
      ],
    },
  ],
});

export const PART_ROUTES = routesFor('management', {
  'GET /guardrails/assignments/keys': listOf('key assignment'),
  'GET /guardrails/assignments/members': listOf('member assignment'),
  'GET /guardrails/{id}/assignments/keys': listOf('key assignment'),
  'GET /guardrails/{id}/assignments/members': listOf('member assignment'),
  'POST /guardrails/{id}/assignments/keys': (call) => ({
    json: { assigned_count: size(listMember(call)) },
  }),
  'POST /guardrails/{id}/assignments/members': (call) => ({
    json: { assigned_count: size(listMember(call)) },
  }),
  'POST /guardrails/{id}/assignments/keys/remove': (call) => ({
    json: { unassigned_count: size(listMember(call)) },
  }),
  'POST /guardrails/{id}/assignments/members/remove': (call) => ({
    json: { unassigned_count: size(listMember(call)) },
  }),
  'GET /workspaces/{id}/members': listOf('member'),
  'POST /workspaces/{id}/members/add': (call) => ({
    json: { added_count: size(listMember(call)), data: [] },
  }),
  'POST /workspaces/{id}/members/remove': (call) => ({
    json: { removed_count: size(listMember(call)) },
  }),
  'GET /workspaces/{workspace_ref}/budgets': listOf('budget'),
  'GET /workspaces/{workspace_ref}/budgets/{interval}': theBudget,
  'PUT /workspaces/{workspace_ref}/budgets/{interval}': budget,
  'DELETE /workspaces/{workspace_ref}/budgets/{interval}': ({ state, parameters }) => {
    state.administered.delete(`budget budget-${parameters['interval']}`);
    return { json: { deleted: true } };
  },
  'GET /scim/groups': listOf('group'),
  'POST /scim/sync-jobs': syncJob,
  'GET /scim/sync-jobs/{id}': theSyncJob,
  'GET /organization/members': listOf('organization member'),
  'GET /vault/secrets': secrets,
  'PUT /vault/secrets/{name}': secret,
  'DELETE /vault/secrets/{name}': removeSecret,
  'GET /vault/interns/{internId}/secrets': secrets,
  'PUT /vault/interns/{internId}/secrets/{name}': secret,
  'DELETE /vault/interns/{internId}/secrets/{name}': removeSecret,
  'POST /vault/interns/{internId}/secrets/copy': () => ({ json: { data: [] } }),
  'POST /interns/{internId}/chat/completions': chat,
  'POST /interns/{internId}/provision': () => ({ json: { provisioning: true }, status: 202 }),
  'POST /interns/{internId}/suspend': () => ({ json: { suspended: true } }),
});
