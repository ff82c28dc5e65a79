/** The origin of a failed attempt. */
export interface Requester {
  /** The same for all attempts of a request. */
  readonly requestId: string;
  readonly client: string;
  /** The start of the attempt. */
  readonly startedAt: number;
}
