import { setTimeout as sleep } from 'node:timers/promises';
import {
  KmsError,
  MAX_OBJECTS,
  type KmsClient,
  type ObjectKind,
  type OwnedObject,
  type Params,
} from '@openrouter-proxy/kms-protocol';
import type { Logger } from '@openrouter-proxy/runtime';

/** How long a request waits for a key service that is being restarted. */
const PATIENCE_MS = 5_000;
const REPEAT_AFTER_MS = 100;
/** The most objects of a client that are listed. */
const MAX_LISTED = 10_000;

/** The owner of an object at OpenRouter, or why it is not known. */
export type ObjectOwner =
  | { readonly kind: 'known'; readonly object: OwnedObject }
  | { readonly kind: 'unknown' }
  /** Nobody can be asked who owns it. */
  | { readonly kind: 'unavailable' };

/** An object that a client made under a lease. */
export type MadeUnderLease = Params<'objects.remember'>['objects'][number];

/** The gateway's side of ownership: asks the key service who owns an object, and tells it of new ones. */
export class ObjectOwners {
  readonly #kms: KmsClient;
  readonly #logger: Logger;

  constructor(kms: KmsClient, logger: Logger) {
    this.#kms = kms;
    this.#logger = logger;
  }

  async find(kind: ObjectKind, id: string): Promise<ObjectOwner> {
    try {
      const { object, isCertain } = await this.#patiently(() =>
        this.#kms.call('objects.find', { kind, id }),
      );
      if (object !== null) return { kind: 'known', object };
      return { kind: isCertain ? 'unknown' : 'unavailable' };
    } catch (error) {
      this.#logger.warning('the owner of an object could not be looked up', { kind, error });
      return { kind: 'unavailable' };
    }
  }

  /** The objects of a client, the latest first; null: they cannot be looked up. */
  async all(kind: ObjectKind, client: string): Promise<OwnedObject[] | null> {
    const all: OwnedObject[] = [];
    try {
      while (all.length < MAX_LISTED) {
        const last = all.at(-1);
        const after = last === undefined ? null : { createdAt: last.createdAt, id: last.id };
        const { objects, isCertain } = await this.#patiently(() =>
          this.#kms.call('objects.list', { kind, client, after, limit: MAX_OBJECTS }),
        );
        if (!isCertain) return null;
        all.push(...objects);
        if (objects.length < MAX_OBJECTS) break;
      }
      return all;
    } catch (error) {
      this.#logger.warning('the objects of a client could not be looked up', { kind, error });
      return null;
    }
  }

  /**
   * Remembers objects before a client learns of them. It resolves also if the key service cannot be
   * reached: the objects exist, and their client must learn of them.
   */
  async remember(objects: readonly MadeUnderLease[]): Promise<void> {
    if (objects.length === 0) return;
    try {
      await this.#patiently(() => this.#kms.call('objects.remember', { objects: [...objects] }));
    } catch (error) {
      const kinds = objects.map(({ kind }) => kind);
      this.#logger.error(
        'the owner of a new object is not remembered: it will be looked up account by account',
        { kinds, error },
      );
    }
  }

  /** Forgets an object that was deleted. Returns at once. */
  forget(kind: ObjectKind, id: string): void {
    // If the message is lost, the owner expires by itself.
    this.#kms.call('objects.forget', { kind, id }).catch(() => undefined);
  }

  /** Repeats a call while the key service is being restarted. */
  async #patiently<T>(call: () => Promise<T>): Promise<T> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        const mayPass = KmsError.is(error, 'UNAVAILABLE');
        if (!mayPass || performance.now() > giveUpAt) throw error;
        await sleep(REPEAT_AFTER_MS);
      }
    }
  }
}
