/** The keys that a request is not to be sent under again, by their ids. */
export interface Exclusions {
  readonly keys: readonly string[];
  /** Of these, the keys whose other keys of the same account would be refused too. */
  readonly accountsOf: readonly string[];
}

/** Every key may be used. */
export const NO_EXCLUSIONS: Exclusions = { keys: [], accountsOf: [] };

/** Excludes a key that was refused, and its account if no other key of the account can do better. */
export function exclude(before: Exclusions, keyId: string, concernsAccount: boolean): Exclusions {
  return {
    keys: [...before.keys, keyId],
    accountsOf: concernsAccount ? [...before.accountsOf, keyId] : before.accountsOf,
  };
}
