import type { Reading } from './reading.ts';

/** OpenRouter's name of a preset, as it stands in `@preset/NAME`. */
const SLUG = /^[a-z\d][\w.-]{0,127}$/i;
/** An account, or a key, as `openrouter.keys` names them. */
const ACCOUNT = /^(?!sk-or-)[\w.@-]{1,64}$/;
const MOST = 1_000;

/** Reads which account holds each preset. */
export function readPresets(value: unknown): Reading<Record<string, string>> {
  if (value === null) return { value: {} };
  if (typeof value !== 'object' || Array.isArray(value)) {
    return { problem: 'must be a mapping from presets to accounts, such as `{my-preset: team}`' };
  }
  const entries = Object.entries(value) as [string, unknown][];
  if (entries.length > MOST) return { problem: `must have at most ${MOST} presets` };
  const wrong = entries.find(([slug]) => !SLUG.test(slug));
  if (wrong !== undefined) {
    return { problem: 'must name presets as OpenRouter does: letters, digits, `.`, `_` or `-`' };
  }
  const nameless = entries.find(([, name]) => typeof name !== 'string' || !ACCOUNT.test(name));
  if (nameless !== undefined) {
    return {
      problem: `must name an account of \`openrouter.keys\` for the preset \`${nameless[0]}\``,
    };
  }
  return { value: Object.fromEntries(entries) as Record<string, string> };
}
