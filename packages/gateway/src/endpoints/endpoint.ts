/** What an endpoint is for. Metrics use it as a label. */
export type EndpointClass =
  | 'text'
  | 'media'
  | 'jobs'
  | 'files'
  | 'generations'
  | 'presets'
  | 'account'
  | 'catalogue'
  | 'data'
  | 'administration'
  | 'unknown';

/** The OpenRouter key that a request is sent under. `management` needs `openrouter.administration: allow`. */
export type KeyNeed = 'none' | 'leased' | 'management';

/** An object that belongs to the account that made it. */
export type ObjectKind = 'video' | 'batch' | 'file' | 'container' | 'generation' | 'preset';

/** Where a request names the object that it is about. */
export interface Binding {
  object: ObjectKind;
  /** The part of the request that holds the id. */
  in: 'path' | 'query' | 'body';
  /** The name of the path parameter, of the query parameter, or of the member of the body. */
  name: string;
  access: 'read' | 'write';
}

/**
 * When a request may be sent again. `always`: it changes nothing. `before-content`: inference in text, until
 * the client has content. `not-taken`: only if OpenRouter certainly did no work for it. `never`: it is not
 * sent upstream.
 */
export type RepeatPolicy = 'always' | 'before-content' | 'not-taken' | 'never';

/**
 * Where the cost stands. `document`: in the `usage` of the answer or of its stream. `job`: in the `usage`
 * of the job, once it has completed. `generation`: only in `GET /generation`. `unknown`: nobody knows
 * whether it costs anything.
 */
export type UsageSource = 'none' | 'document' | 'job' | 'generation' | 'unknown';

export type BodyKind = 'none' | 'json' | 'multipart' | 'json-or-multipart' | 'any';

export type AnswerKind = 'json' | 'json-or-stream' | 'binary' | 'none' | 'any';

/** What the gateway must know of an endpoint. */
export interface EndpointRules {
  class: EndpointClass;
  key: KeyNeed;
  /** `gateway`: the answer is made here; OpenRouter is not asked about this client. */
  answeredBy: 'upstream' | 'gateway';
  /** The object whose account must serve the request. */
  binds: Binding | null;
  /** The object that an answer brings into being. */
  creates: ObjectKind | null;
  /** The objects that an answer lists. */
  lists: ObjectKind | null;
  repeat: RepeatPolicy;
  usage: UsageSource;
  body: BodyKind;
  answer: AnswerKind;
}

/** One operation of OpenRouter's API. */
export interface Endpoint extends EndpointRules {
  /** `*`: every method that no other row names. */
  method: string;
  /** Segments below `/api/v1`; `{name}` is a parameter, `*` at the end any number of segments. */
  pattern: string;
}
