import type { Evidence } from './outcome.ts';

const SECOND = 1_000;

/** Fields that name an instant. The size of a limit does not. */
type InstantField = Exclude<Evidence['field'], 'x-ratelimit-limit'>;
type InstantEvidence = Evidence & { readonly field: InstantField };

const namesInstant = (evidence: Evidence): evidence is InstantEvidence =>
  evidence.field !== 'x-ratelimit-limit';

/** The most exact first: instants before durations, what OpenRouter sets before what it passes on. */
const AUTHORITY: readonly InstantField[] = [
  'x-ratelimit-reset',
  'resets_at',
  'retry_after_seconds',
  'retry-after',
];

const NUMBER = /^\d+(?:\.\d+)?$/;
const ISO_INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)?$/i;
const HTTP_DATE = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? /i;

/** Milliseconds since the epoch as OpenRouter sends it, seconds since the epoch, or seconds from now. */
function resetInstant(text: string, now: number): number {
  if (!NUMBER.test(text)) return NaN;
  const value = Number(text);
  if (value >= 1e11) return value;
  return value >= 1e9 ? value * SECOND : now + value * SECOND;
}

const afterSeconds = (text: string, now: number) =>
  NUMBER.test(text) ? now + Number(text) * SECOND : NaN;

/** RFC 9110, section 10.2.3: seconds or a date, of which all three forms are in GMT. */
function retryAfter(text: string, now: number): number {
  if (!HTTP_DATE.test(text)) return afterSeconds(text, now);
  return Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
}

function isoInstant(text: string): number {
  const zone = ISO_INSTANT.exec(text);
  if (zone === null) return NaN;
  return Date.parse(zone[1] === undefined ? `${text}Z` : text);
}

/** The instant a piece of evidence names; NaN if it names none. */
function instantOf({ field, value }: InstantEvidence, now: number): number {
  const text = value.trim();
  switch (field) {
    case 'x-ratelimit-reset':
      return resetInstant(text, now);
    case 'resets_at':
      return isoInstant(text);
    case 'retry_after_seconds':
      return afterSeconds(text, now);
    case 'retry-after':
      return retryAfter(text, now);
  }
}

const byAuthority = (a: InstantEvidence, b: InstantEvidence) =>
  AUTHORITY.indexOf(a.field) - AUTHORITY.indexOf(b.field) ||
  Number(a.from === 'body') - Number(b.from === 'body');

/** When something ends, and where that stood. */
export interface EvidenceInstant {
  /** Milliseconds since the epoch, still to come. */
  readonly instant: number;
  readonly from: Evidence['from'];
}

/** The instants to come that evidence names, the most reliable first. */
export function evidenceInstants(evidence: readonly Evidence[], now: number): EvidenceInstant[] {
  return evidence
    .filter(namesInstant)
    .toSorted(byAuthority)
    .map((piece) => ({ instant: instantOf(piece, now), from: piece.from }))
    .filter(({ instant }) => instant > now);
}
