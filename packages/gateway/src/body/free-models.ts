import { isFreeModel } from '@openrouter-proxy/kms-protocol';
import * as z from 'zod';
import type { ReadMember } from './conversation.ts';
import { ScalarReader, ShortValueReader } from './member-readers.ts';
import type { MemberReader } from './member-reader.ts';

/** The most models in a request that are checked. Real requests name fewer. */
const MAX_MODELS = 100;

/** Readers of the members that name models. */
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
    if (!isFreeModel(name)) return name;
  }
  return null;
}

const modelList = z.looseObject({ data: z.array(z.looseObject({ id: z.string() })) });

/** A model list reduced to the free ones. Throws a ZodError when it is not a model list. */
export function onlyFreeModels(json: string): string {
  const list = modelList.parse(JSON.parse(json));
  const data = list.data.filter((model) => isFreeModel(model.id));
  const total = 'total_count' in list ? { total_count: data.length } : {};
  return JSON.stringify({ ...list, ...total, data });
}
