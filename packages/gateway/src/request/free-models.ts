import * as z from 'zod';
import type { ReadMember } from './conversation.ts';
import { ScalarReader, ShortValueReader } from './member-readers.ts';
import type { MemberReader } from './member-reader.ts';

/** A router that picks among the free models only. */
const FREE_ROUTER = 'openrouter/free';

/**
 * Whether a model costs nothing: its id ends in `:free`. A price of "0" does not say so: many models
 * that are not free show it (OpenRouter docs, "Free variant").
 */
export function isFree(model: string): boolean {
  return model.endsWith(':free') || model === FREE_ROUTER;
}

/** More models than a request would name: what names as many is not looked through. */
const MAX_MODELS = 100;

/** What reads the members of a request's body that name models. */
export function modelReaders(): Record<'model' | 'models', MemberReader> {
  return { model: new ScalarReader(), models: new ShortValueReader() };
}

/**
 * The first model that a request names and that may cost something, `unknown` if it names no model
 * that can be checked, or null when every model named is free.
 */
export function paidModel(member: ReadMember): string | null {
  const others = member('models') ?? [];
  if (!Array.isArray(others) || others.length > MAX_MODELS) return 'unknown';
  for (const name of [member('model'), ...(others as unknown[])]) {
    if (typeof name !== 'string') return 'unknown';
    if (!isFree(name)) return name;
  }
  return null;
}

const modelList = z.looseObject({ data: z.array(z.looseObject({ id: z.string() })) });

/** A model list reduced to the free ones. Throws a ZodError when it is not a model list. */
export function onlyFreeModels(json: string): string {
  const list = modelList.parse(JSON.parse(json));
  const data = list.data.filter((model) => isFree(model.id));
  const total = 'total_count' in list ? { total_count: data.length } : {};
  return JSON.stringify({ ...list, ...total, data });
}
