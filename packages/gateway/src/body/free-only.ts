import type { ReadMember } from './conversation.ts';
import { paidPart } from './paid-extras.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

const OF_PART = {
  model: (name: string) => `the model ${name} is not free`,
  plugin: (name: string) => `the plugin ${name} is charged for`,
  tool: (name: string) => `the tool ${name} is carried out by OpenRouter and charged for`,
  preset: (name: string) => `the preset ${name} may choose a paid model`,
  member: (name: string) => `\`${name}\` may be charged for`,
} as const;

/**
 * Why `openrouter.free_only` refuses a request, or null. `member`: the body's members as `paidPartReaders` have
 * read them; null: the body is no JSON, so nobody knows what it asks for.
 */
export function freeOnlyRefusal(
  { class: kind, answeredBy, creates }: Pick<Endpoint, 'class' | 'answeredBy' | 'creates'>,
  method: string,
  member: ReadMember | null,
): string | null {
  if (answeredBy === 'gateway' || READING.has(method)) return null;
  switch (kind) {
    case 'text':
    case 'media':
      return bodyRefusal(member);
    case 'jobs':
      // A batch names its models in a file.
      if (creates === 'batch') return 'a batch may use paid models';
      return creates === null ? null : bodyRefusal(member);
    case 'unknown':
      return 'nobody knows what this endpoint costs';
    default:
      return null;
  }
}

function bodyRefusal(member: ReadMember | null): string | null {
  if (member === null) return 'a body that is no JSON names no model that can be checked';
  const paid = paidPart(member);
  return paid && OF_PART[paid.what](paid.name);
}
