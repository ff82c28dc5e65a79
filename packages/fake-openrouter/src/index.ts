export {
  countFreeRequest,
  createAccount,
  freeUsedToday,
  type Account,
  type AccountOptions,
} from './account.ts';
export { createCertificate, type Certificate } from './certificate.ts';
export { type FakeClock } from './clock.ts';
export { type ErrorFamily } from './error-families.ts';
export { type Fault, type FaultRule, type Match } from './fault-rules.ts';
export { HOSTILE_TEXT } from './hostile-text.ts';
export { newSecret, type Key, type KeyOptions } from './key.ts';
export { type RequestRecord } from './request-log.ts';
export { startFakeOpenRouter, type FakeOpenRouter, type FakeOptions } from './server.ts';
