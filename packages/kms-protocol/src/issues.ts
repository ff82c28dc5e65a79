import type * as z from 'zod';

const MAX_LENGTH = 300;

/** What a schema has to say, in one short line: the names in it are the sender's, and may be long. */
export function describeIssues({ issues }: z.ZodError): string {
  const text = issues
    .map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message))
    .join('; ');
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 1)}…` : text;
}
