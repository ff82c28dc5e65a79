import * as z from 'zod';
import type { Config } from './config.ts';
import type { ConfigSource } from './files/config-source.ts';
import type { Origin, Override } from './files/override.ts';
import { FIELDS } from './schema/config-file.ts';
import { valueAt } from './values/value-path.ts';
import { reasonForNoEffect } from './schema/without-effect.ts';

/** A setting with its effective value, for people. It holds no secret. */
export interface SettingView {
  /** Its path in the file. */
  readonly setting: string;
  /** As the file writes it; null if unset. */
  readonly value: string | null;
  readonly origin: Origin | 'default';
  /** The file, variable or credential that sets it; null for a default. */
  readonly place: string | null;
}

/** Where values came from. */
interface Provenance {
  readonly source: ConfigSource;
  readonly overrides: readonly Override[];
}

/** Sections of lists: their entries are shown as one setting. */
const LISTS = ['server.access_keys', 'openrouter.keys'];
const SET = '(set; not shown)';

/** How to show settings that hold secrets or have a computed default. */
const SPECIAL: Readonly<Record<string, (config: Config) => string | null>> = {
  'server.access_key': ({ server }) =>
    server.access_key === null ? '(made at the first start)' : SET,
  'server.access_keys': ({ server }) => listed(server.access_keys.map(({ name }) => name)),
  'openrouter.keys': ({ openrouter }) => listed(openrouter.keys.map(({ name }) => name)),
  'openrouter.management_key': ({ openrouter }) => openrouter.management_key && SET,
  'requestProxy.url': ({ requestProxy }) => requestProxy && SET,
  'kms.socket': ({ kms }) => kms.socket,
  'state.redis.url': ({ state }) => (state.backend === 'redis' ? SET : null),
  state_dir: ({ state_dir: folder }) => folder,
};

const listed = (names: readonly string[]) => (names.length === 0 ? '[]' : names.join(', '));

/** Every setting, in the order of the schema. */
export function settingViews(
  value: unknown,
  config: Config,
  { source, overrides }: Provenance,
): SettingView[] {
  const view = (section: string, name: string, schema: z.ZodType): SettingView => {
    const path = [...section.split('.').filter(Boolean), name];
    const setting = path.join('.');
    const given = valueAt(value, ...path);
    const special = SPECIAL[setting];
    const shown = special === undefined ? written(given ?? defaultOf(schema)) : special(config);
    const override = overrides.find((found) => found.path.join('.') === setting);
    if (override !== undefined) {
      return { setting, value: shown, origin: override.origin, place: override.place };
    }
    return given === undefined || given === null
      ? { setting, value: shown, origin: 'default', place: null }
      : { setting, value: shown, origin: 'file', place: source.label };
  };
  return Object.entries(FIELDS)
    .filter(([section]) => !LISTS.includes(section))
    .flatMap(([section, fields]) =>
      Object.entries(fields)
        .filter(([name, schema]) => !isSection(section, name) && !reasonForNoEffect(schema))
        .map(([name, schema]) => view(section, name, schema)),
    );
}

const isSection = (section: string, name: string) =>
  [section, name].filter(Boolean).join('.') in FIELDS && !LISTS.includes(`${section}.${name}`);

/** The schema's default of a setting. */
function defaultOf(schema: z.ZodType): unknown {
  return schema instanceof z.ZodPrefault ? schema.def.defaultValue : undefined;
}

function written(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
