/** Whose request a failure is of. */
export interface Requester {
  /** Equal for all attempts of one request. */
  readonly requestId: string;
  readonly client: string;
  /** When the attempt began. */
  readonly startedAt: number;
}
