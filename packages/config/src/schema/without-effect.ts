import * as z from 'zod';

const reasons = z.registry<{ reason: string }>();

/** A key that older configurations hold and that means nothing here: accepted, with a warning. */
export function withoutEffect(reason: string) {
  const schema = z
    .unknown()
    .optional()
    .meta({ deprecated: true, description: `Accepted, without effect: ${reason}.` });
  reasons.add(schema, { reason });
  return schema;
}

/** Why a key of this schema means nothing here; undefined if it has a meaning. */
export const reasonForNoEffect = (schema: z.ZodType) => reasons.get(schema)?.reason;
