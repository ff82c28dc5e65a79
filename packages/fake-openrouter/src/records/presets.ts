import type { Account } from '../accounts/account.ts';
import type { FakeState } from '../state/fake-state.ts';
import type { Preset } from '../objects/kept.ts';
import { newId, notFound } from '../objects/objects.ts';
import { routesFor, type KeyedCall, type Reply } from '../routes/route.ts';

const iso = (ms: number) => new Date(ms).toISOString();

function versionDocument({ id, account, versions }: Preset, at: number): object | null {
  const version = versions[at];
  if (version === undefined) return null;
  const createdAt = iso(version.createdAt);
  return {
    ...{ id: version.id, preset_id: id, creator_id: account.userId, version: at + 1 },
    ...{ config: version.config, system_prompt: null },
    ...{ created_at: createdAt, updated_at: createdAt },
  };
}

function documentOf(preset: Preset): object {
  const first = iso(preset.versions[0]?.createdAt ?? 0);
  const last = preset.versions.at(-1);
  return {
    ...{ id: preset.id, slug: preset.slug, name: preset.slug, description: null },
    ...{ creator_user_id: preset.account.userId, workspace_id: null, status: 'active' },
    ...{ designated_version_id: last?.id ?? null, status_updated_at: null },
    ...{ created_at: first, updated_at: iso(last?.createdAt ?? 0) },
  };
}

const withVersion = (preset: Preset) => ({
  ...documentOf(preset),
  designated_version: versionDocument(preset, preset.versions.length - 1),
});

/** Adds a version to a preset of an account, and the preset if it has none of this name. */
export function writePreset(
  state: FakeState,
  account: Account,
  { slug, config }: { slug: string; config: object },
): Preset {
  const preset = state.presets.of(account).find((one) => one.slug === slug) ?? {
    ...{ id: newId('preset'), slug, account, versions: [] },
  };
  preset.versions.push({ id: newId('version'), config, createdAt: state.clock.now() });
  state.presets.add(preset.id, account, preset);
  return preset;
}

const thePreset = ({ state, key, parameters }: KeyedCall) =>
  state.presets.of(key.account).find(({ slug }) => slug === parameters['slug']);

const missing = ({ parameters }: KeyedCall) => notFound(`Preset ${parameters['slug']}`);

const list = ({ state, key }: KeyedCall): Reply => {
  const presets = state.presets.of(key.account);
  return { json: { data: presets.map(documentOf), total_count: presets.length } };
};

const write = (call: KeyedCall): Reply => {
  const { state, key, parameters, exchange } = call;
  const preset = writePreset(state, key.account, {
    slug: parameters['slug'] ?? '',
    config: exchange.json,
  });
  state.creations.add('preset', preset.id, call);
  return { json: { data: withVersion(preset) } };
};

/** An answer about a preset that is there. */
const about = (document: (preset: Preset, call: KeyedCall) => object) => (call: KeyedCall) => {
  const preset = thePreset(call);
  return preset === undefined ? missing(call) : { json: document(preset, call) };
};

export const PRESET_ROUTES = routesFor('key', {
  'GET /presets': list,
  'GET /presets/{slug}': about((preset) => ({ data: withVersion(preset) })),
  'GET /presets/{slug}/versions': about((preset) => ({
    data: preset.versions.map((_version, at) => versionDocument(preset, at)),
    total_count: preset.versions.length,
  })),
  'GET /presets/{slug}/versions/{version}': about((preset, { parameters }) => ({
    data: versionDocument(preset, Number(parameters['version']) - 1),
  })),
  'POST /presets/{slug}/chat/completions': write,
  'POST /presets/{slug}/messages': write,
  'POST /presets/{slug}/responses': write,
});
