import * as z from 'zod';

/** What reading the configuration again came to. */
export const reloadReport = z.strictObject({
  /** `planned`: it is what would be applied; `refused`: nothing was changed, and `problems` says why. */
  outcome: z.enum(['applied', 'planned', 'unchanged', 'refused']),
  /** One line for each mistake, with its place in the file. */
  problems: z.array(z.string()),
  /** What is odd, though it is taken: a line each. */
  warnings: z.array(z.string()),
  changes: z.array(
    z.strictObject({
      /** The setting's path, `openrouter.keys`, or a key's name behind it. */
      setting: z.string(),
      change: z.enum(['added', 'removed', 'changed']),
      /** For a person: from what to what, or what follows. Without any secret. */
      detail: z.string(),
    }),
  ),
  /** Settings that have changed and take effect only after a restart. */
  needsRestart: z.array(z.string()),
});
export type ReloadReport = z.infer<typeof reloadReport>;
