import { collectionRoutes } from './collection.ts';

const WORKSPACE = '00000000-0000-4000-8000-000000000000';

/** What an organization administers, each as OpenRouter's OpenAPI document describes it. */
export const COLLECTION_ROUTES = [
  ...collectionRoutes({
    ...{ kind: 'workspace', path: '/workspaces' },
    make: ({ key }, { id, at }) => ({
      ...{ id, name: 'Workspace', slug: 'workspace', description: null, created_at: at },
      ...{ created_by: key.account.userId, updated_at: null, default_guardrail_id: 'guardrail' },
      ...{ default_image_model: null, default_provider_sort: null, default_text_model: null },
      ...{ io_logging_api_key_ids: null, io_logging_sampling_rate: 1 },
      ...{ is_data_discount_logging_enabled: false, is_observability_broadcast_enabled: false },
      is_observability_io_logging_enabled: false,
    }),
  }),
  ...collectionRoutes({
    ...{ kind: 'guardrail', path: '/guardrails' },
    make: (_call, { id, at }) => ({
      ...{ id, name: 'Guardrail', created_at: at, workspace_id: WORKSPACE },
      include_byok_in_budgets: false,
    }),
  }),
  ...collectionRoutes({
    ...{ kind: 'byok', path: '/byok' },
    make: (_call, { id, at }) => ({
      ...{ id, label: 'sk-...x', provider: 'openai', created_at: at, workspace_id: WORKSPACE },
      ...{ allowed_api_key_hashes: null, allowed_models: null, allowed_user_ids: null },
      ...{ declared_zdr: null, disabled: false, is_byok_only: false, is_fallback: false },
      ...{ is_required: false, sort_order: 0 },
    }),
  }),
  ...collectionRoutes({
    ...{ kind: 'destination', path: '/observability/destinations' },
    make: (_call, { id, at }) => ({
      ...{ id, type: 'webhook', name: null, created_at: at, updated_at: at, enabled: true },
      ...{ api_key_hashes: null, broadcast_generation_cost: false, filter_rules: null },
      ...{ broadcast_generation_identity: false, broadcast_generation_request_context: false },
      ...{ config: { url: 'https://example.com' }, privacy_mode: false, regions: ['global'] },
      ...{ sampling_rate: 1, workspace_id: WORKSPACE },
    }),
  }),
  ...collectionRoutes({
    ...{ kind: 'group mapping', path: '/scim/group-mappings' },
    make: (_call, { id, at }) => ({
      ...{ id, organization_id: 'org_fake', role: 'member', scim_group_id: 'group' },
      ...{ workspace_id: WORKSPACE, created_at: at, updated_at: at },
    }),
  }),
  ...collectionRoutes({
    ...{ kind: 'intern', path: '/interns', parameter: 'internId', isBare: true },
    ...{ deleted: { json: { deleting: true }, status: 202 } },
    listed: () => ({ has_more: false }),
    make: (_call, { id, at }) => ({
      ...{ id, name: 'Intern', status: 'ready', workspace_id: WORKSPACE, created_at: at },
      ...{ updated_at: at, attached_vault_id: null, description: null, hostname: null },
      ...{ instructions: null, last_failure_message: null, model: null, progress: null },
      vault_id: null,
    }),
  }),
];
