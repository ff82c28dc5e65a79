export {
  PROTOCOL_VERSION,
  MAX_LISTED_KEYS,
  MAX_LISTED_LEASES,
  MAX_RECORDED,
  contract,
  type Contract,
  type KeyCheckResult,
  type HeldLease,
  type KeyMetadata,
  type Lease,
  type Method,
  type Params,
  type Result,
  type Role,
} from './contract.ts';
export { MAX_MACHINES } from './service-status.ts';
export { KmsClient, type ClientState, type KmsClientOptions, type LateResult } from './client.ts';
export {
  ERROR_CODE,
  noKeyData,
  type ErrorCode,
  type ErrorData,
  type NoKeyData,
  type UnknownKeyData,
} from './error-code.ts';
export { evidenceInstants, type EvidenceInstant } from './evidence-instant.ts';
export { isFreeModel } from './free-model.ts';
export {
  HEALTH_CAUSES,
  causeWithoutTime,
  connectionCause,
  faultInShort,
  healthLevelOf,
  healthStatement,
  healthStatements,
  localInWords,
  utcInWords,
  type HealthStatement,
  type InstantInWords,
  UPSTREAM_FAULTS,
} from './health-words.ts';
export { type Health, type HealthCause, type HealthCauseKind, type HealthLevel } from './health.ts';
export { type KeyLane, type KeySpan, type PoolEvent, type TrafficPoint } from './history.ts';
export {
  outcomeOfRequest,
  type Api,
  type LeaseView,
  type LedgerStep,
  type LeftOut,
  type RequestSummary,
  type RequestOutcome,
  type RequestView,
  type Verdict,
} from './ledger.ts';
export { metricFamilies, metricFamily, type MetricFamily } from './metric-family.ts';
export {
  type Usage,
  type UsageDimension,
  type UsageRow,
  type UsageScope,
  type UsageTotals,
} from './usage.ts';
export { connectInMemory } from './in-memory.ts';
export { KmsError, type JsonRpcError } from './kms-error.ts';
export {
  type Cause,
  type KeyCheck,
  type KeyState,
  type KeyView,
  type LimitView,
  type ModelPool,
  type RequestWindow,
  type Scope,
} from './key-view.ts';
export { parseJson, readJson } from './read-json.ts';
export { MAX_RECENT, type RequestFilter } from './recent-requests.ts';
export { reloadReport, type ReloadReport } from './reload.ts';
export {
  type ConnectionProblem,
  type Evidence,
  type Outcome,
  type OutcomeKind,
} from './outcome.ts';
export {
  type HandledMethod,
  type Handler,
  type HandlerParams,
  type Handlers,
  type Session,
} from './handlers.ts';
export { type Token } from './hello.ts';
export { type CallOptions } from './pending-call.ts';
export { type Opened } from './server-connection.ts';
export { serve, type KmsServer, type ServerLimits, type ServerOptions } from './server.ts';
export {
  UnixSocketError,
  connectToUnixSocket,
  listenOnUnixSocket,
  type UnixListener,
  type UnixSocketErrorCode,
} from './unix-socket.ts';
export {
  MAX_OBJECTS,
  objectCursor,
  objectId,
  objectKind,
  ownedObject,
  type ObjectCursor,
  type ObjectKind,
  type OwnedObject,
} from './owned-object.ts';
