import type { Endpoint, EndpointRules } from './endpoint.ts';
import {
  about,
  BATCH,
  CONTAINER,
  FILE,
  GENERATION,
  HERE,
  MEDIA,
  ONCE,
  PUBLIC,
  READ,
  TEXT,
  UNKNOWN,
  VIDEO,
} from './endpoint-rules.ts';

/** Rows that have their rules in common: lines of methods, and the paths that they share. */
type Group = readonly [rules: EndpointRules, rows: string];

/** From OpenRouter's OpenAPI document and its SDK 1.3.19. A path that begins with `/api/` lies outside `/api/v1`. */
const GROUPS: readonly Group[] = [
  [
    { ...TEXT, answer: 'json-or-stream' },
    `
      POST  /chat/completions
      POST  /completions
      POST  /responses
      POST  /messages`,
  ],
  [
    TEXT,
    `
      POST  /embeddings
      POST  /rerank
      POST  /systemone
      POST  /api/alpha/decisions`,
  ],
  [{ ...HERE, class: 'text', body: 'json' }, 'POST /messages/count_tokens'],
  [{ ...MEDIA, answer: 'json-or-stream' }, 'POST /images'],
  [{ ...MEDIA, body: 'json-or-multipart' }, 'POST /audio/transcriptions'],
  [{ ...MEDIA, usage: 'generation', answer: 'binary' }, 'POST /audio/speech'],
  [{ ...ONCE, class: 'jobs', creates: 'video', usage: 'job' }, 'POST /videos'],
  [{ ...VIDEO, usage: 'job' }, 'GET /videos/{jobId}'],
  [{ ...VIDEO, answer: 'binary' }, 'GET /videos/{jobId}/content'],
  [{ ...UNKNOWN, class: 'jobs', binds: about('video', 'jobId', 'write') }, '* /videos/{jobId}/*'],
  [{ ...ONCE, class: 'jobs', creates: 'batch', usage: 'job' }, 'POST /batches /api/beta/batches'],
  [{ ...READ, class: 'jobs', lists: 'batch' }, 'GET /batches /api/beta/batches'],
  [{ ...BATCH, usage: 'job' }, 'GET /batches/{id} /api/beta/batches/{id}'],
  [{ ...BATCH, answer: 'any' }, 'GET /batches/{id}/results /api/beta/batches/{id}/results'],
  [
    { ...UNKNOWN, class: 'jobs', usage: 'none', binds: about('batch', 'id', 'write') },
    `
      DELETE  /batches/{id}    /api/beta/batches/{id}
      *       /batches/{id}/*  /api/beta/batches/{id}/*`,
  ],
  [{ ...ONCE, class: 'files', creates: 'file', usage: 'none', body: 'multipart' }, 'POST /files'],
  [{ ...READ, class: 'files', lists: 'file' }, 'GET /files'],
  [FILE, 'GET /files/{file_id}'],
  [{ ...FILE, answer: 'binary' }, 'GET /files/{file_id}/content'],
  [
    { ...UNKNOWN, class: 'files', usage: 'none', binds: about('file', 'file_id', 'write') },
    `
      DELETE  /files/{file_id}
      *       /files/{file_id}/*`,
  ],
  [
    CONTAINER,
    `
      GET  /containers/{container_id}/files
      GET  /containers/{container_id}/files/{file_id}`,
  ],
  [{ ...CONTAINER, answer: 'binary' }, 'GET /containers/{container_id}/files/{file_id}/content'],
  [
    {
      ...ONCE,
      class: 'files',
      creates: 'file',
      usage: 'none',
      body: 'any',
      binds: about('container', 'container_id', 'write'),
    },
    'POST /containers/{container_id}/files/{file_id}/promote',
  ],
  [
    { ...UNKNOWN, class: 'files', binds: about('container', 'container_id', 'write') },
    '* /containers/{container_id}/*',
  ],
  [
    { ...READ, class: 'generations', binds: GENERATION },
    `
      GET  /generation
      GET  /generation/content`,
  ],
  [
    { ...ONCE, class: 'generations', key: 'management', usage: 'none' },
    `
      POST  /generation/feedback
      *     /generation/*`,
  ],
  [{ ...READ, class: 'presets', lists: 'preset' }, 'GET /presets'],
  [
    { ...READ, class: 'presets', binds: about('preset', 'slug') },
    `
      GET  /presets/{slug}
      GET  /presets/{slug}/versions
      GET  /presets/{slug}/versions/{version}`,
  ],
  [
    { ...ONCE, class: 'presets', key: 'management', usage: 'none' },
    `
      POST  /presets/{slug}/chat/completions
      POST  /presets/{slug}/messages
      POST  /presets/{slug}/responses
      *     /presets/*`,
  ],
  [
    { ...HERE, class: 'account' },
    `
      GET  /key
      GET  /auth/key
      GET  /credits`,
  ],
  [{ ...READ, class: 'account' }, 'GET /models/user'],
  [
    PUBLIC,
    `
      GET  /models/{id}
      GET  /models/{author}/{slug}`,
  ],
  [
    PUBLIC,
    `
      GET  /models
      GET  /models/count
      GET  /models/{author}/{slug}/endpoints
      GET  /model/{author}/{slug}
      GET  /embeddings/models
      GET  /images/models
      GET  /images/models/{author}/{slug}/endpoints
      GET  /videos/models
      GET  /providers
      GET  /endpoints/zdr`,
  ],
  [
    READ,
    `
      GET  /benchmarks
      GET  /classifications/task
      GET  /datasets/app-rankings
      GET  /datasets/rankings-daily
      GET  /datasets/session-cost`,
  ],
  [
    { ...UNKNOWN, class: 'administration', key: 'management', usage: 'none' },
    `
      GET,POST            /keys
      GET,PATCH,DELETE    /keys/{hash}
      *                   /keys/*
      POST                /auth/keys
      POST                /auth/keys/code
      *                   /auth/*
      GET                 /oauth/jwks
      POST                /oauth/token
      *                   /oauth/*
      GET,POST            /workspaces
      GET,PATCH,DELETE    /workspaces/{id}
      GET                 /workspaces/{id}/members
      POST                /workspaces/{id}/members/add
      POST                /workspaces/{id}/members/remove
      GET                 /workspaces/{workspace_ref}/budgets
      GET,PUT,DELETE      /workspaces/{workspace_ref}/budgets/{interval}
      *                   /workspaces/*
      GET,POST            /guardrails
      GET,PATCH,DELETE    /guardrails/{id}
      GET                 /guardrails/assignments/keys
      GET                 /guardrails/assignments/members
      GET,POST            /guardrails/{id}/assignments/keys
      POST                /guardrails/{id}/assignments/keys/remove
      GET,POST            /guardrails/{id}/assignments/members
      POST                /guardrails/{id}/assignments/members/remove
      *                   /guardrails/*
      GET,POST            /byok
      GET,PATCH,DELETE    /byok/{id}
      *                   /byok/*
      GET,POST            /observability/destinations
      GET,PATCH,DELETE    /observability/destinations/{id}
      *                   /observability/*
      GET                 /scim/groups
      GET,POST            /scim/group-mappings
      GET,PATCH,DELETE    /scim/group-mappings/{id}
      POST                /scim/sync-jobs
      GET                 /scim/sync-jobs/{id}
      *                   /scim/*
      GET                 /organization/members
      *                   /organization/*
      GET                 /vault/secrets
      PUT,DELETE          /vault/secrets/{name}
      GET                 /vault/interns/{internId}/secrets
      POST                /vault/interns/{internId}/secrets/copy
      PUT,DELETE          /vault/interns/{internId}/secrets/{name}
      *                   /vault/*
      GET,POST            /interns
      GET,PATCH,DELETE    /interns/{internId}
      POST                /interns/{internId}/chat/completions
      POST                /interns/{internId}/provision
      POST                /interns/{internId}/suspend
      *                   /interns/*
      GET                 /activity
      *                   /activity/*
      GET                 /analytics/meta
      POST                /analytics/query
      *                   /analytics/*
      POST                /credits/coinbase
      *                   /credits/*
      *                   /key/*
      *                   /files
      *                   /containers
      *                   /videos
      *                   /batches  /api/beta/batches`,
  ],
];

/** Every row: those that name an operation, those of other methods, and those of subtrees. */
export const ENDPOINTS: readonly Endpoint[] = GROUPS.flatMap(([rules, rows]) =>
  rows
    .trim()
    .split('\n')
    .flatMap((row) => {
      const [methods = '', ...patterns] = row.trim().split(/ +/);
      const verbs = methods.split(',');
      return patterns.flatMap((pattern) => verbs.map((method) => ({ ...rules, method, pattern })));
    }),
);

/** A path that no row fits. */
export const UNKNOWN_ENDPOINT: Endpoint = { ...UNKNOWN, method: '*', pattern: '/*' };
