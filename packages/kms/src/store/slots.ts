/* Names of the slots that leases occupy. A key's own slot has the key's id. */

const PROBE = 'probe/';
const FREE = 'free/';

/** The slot of a half-open key's probes. */
export const probeSlot = (keyId: string) => PROBE + keyId;

/** Whether a slot is occupied by probes. */
export const isProbeSlot = (slotId: string) => slotId.startsWith(PROBE);

/** The slot that counts an account's running requests to `:free` models. */
export const freeSlot = (account: string) => FREE + account;

/** The account of such a slot; undefined for another slot. */
export const accountOfFreeSlot = (slotId: string) =>
  slotId.startsWith(FREE) ? slotId.slice(FREE.length) : undefined;
