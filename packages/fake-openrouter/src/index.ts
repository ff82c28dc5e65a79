export {
  countFreeRequest,
  createAccount,
  freeUsedToday,
  type Account,
  type AccountOptions,
} from './accounts/account.ts';
export { createCertificate, type Certificate } from './server/certificate.ts';
export { type FakeClock } from './state/clock.ts';
export { type ErrorFamily } from './errors/error-families.ts';
export { type Fault, type FaultRule, type Match } from './faults/fault-rules.ts';
export { HOSTILE_TEXT } from './faults/hostile-text.ts';
export { newSecret, type Key, type KeyOptions } from './accounts/key.ts';
export { type Creation } from './objects/objects.ts';
export { type RequestRecord } from './exchange/request-log.ts';
export { startFakeOpenRouter, type FakeOpenRouter, type FakeOptions } from './server/server.ts';
