import * as z from 'zod';

const reasons = z.registry<{ reason: string }>();

/** A setting of older configurations without effect here: accepted, with a warning. */
export function withoutEffect(reason: string) {
  const schema = z
    .unknown()
    .optional()
    .meta({ deprecated: true, description: `Accepted, without effect: ${reason}.` });
  reasons.add(schema, { reason });
  return schema;
}

/** Why a setting of this schema has no effect; undefined if it has one. */
export const reasonForNoEffect = (schema: z.ZodType) => reasons.get(schema)?.reason;
