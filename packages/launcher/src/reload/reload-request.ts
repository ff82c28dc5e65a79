import type { ReloadReport } from '@openrouter-proxy/kms-protocol';
import * as z from 'zod';

const request = z.strictObject({ reload: z.strictObject({ dryRun: z.boolean() }) });

/** Handles a reload request of a child; null for any other message. */
export async function answerReload(
  what: unknown,
  reload: (dryRun: boolean) => Promise<ReloadReport>,
): Promise<ReloadReport | null> {
  const asked = request.safeParse(what);
  return asked.success ? reload(asked.data.reload.dryRun) : null;
}
