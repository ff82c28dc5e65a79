import * as z from 'zod';

/** Milliseconds since the Unix epoch. */
export const instant = z.int().nonnegative();
