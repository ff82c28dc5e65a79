import { accountOfFreeSlot, freeSlot } from '../../slots.ts';
import type { Window } from '../../state-store.ts';

/** The names of all keys in Redis. They share a prefix, so that they are in one hash slot. */
export interface KeySpace {
  /** A random name of the state: another value, or none, means that the state was lost. */
  readonly epoch: string;
  /** The slot that was entered last. */
  readonly cursor: string;
  readonly machines: string;
  readonly cells: string;
  readonly changes: string;
  readonly revision: string;
  readonly channel: string;
  slot(id: string): string;
  /** The id of a slot, by its name. */
  slotId(name: string): string;
  window(window: Window): string;
  /** The part of a window's count that is not from given leases. */
  adjustment(window: Window): string;
  /** Marks a step that must run only once. */
  done(id: string): string;
}

/** Names the keys under a prefix. Accounts are named by their marks. */
export function keySpace(prefix: string, markOf: (account: string) => string): KeySpace {
  const name = (rest: string) => `{${prefix}}:${rest}`;
  const slots = name('slot:');
  const marked = ({ id, startsAt }: Window) => {
    const end = id.lastIndexOf('/'); // an account and the kind of the window
    return `${markOf(id.slice(0, end))}${id.slice(end)}:${startsAt}`;
  };
  return {
    epoch: name('epoch'),
    cursor: name('cursor'),
    machines: name('machines'),
    cells: name('cells'),
    changes: name('changes'),
    revision: name('revision'),
    channel: name('changed'),
    slot: (id) => {
      const account = accountOfFreeSlot(id);
      return slots + (account === undefined ? id : freeSlot(markOf(account)));
    },
    slotId: (key) => key.slice(slots.length),
    window: (window) => name(`window:${marked(window)}`),
    adjustment: (window) => name(`adjustment:${marked(window)}`),
    done: (id) => name(`done:${id}`),
  };
}
