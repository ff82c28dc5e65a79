import { readRecord } from '../../../keys/key-record.ts';
import type { Subject } from '../../../limits/limit.ts';
import { allowanceName, limitName, readShared, subjectNamed } from '../../shared-records.ts';
import type { AccountMarks } from './account-marks.ts';
import { mergeAllowances, mergeLimits, mergeRecords } from './record-merge.ts';

const KEY = 'key ';

/** The cell of a key's record. */
export const keyCell = (keyId: string) => KEY + keyId;

/** The key of a cell; undefined for a shared record. */
export const keyOfCell = (name: string) =>
  name.startsWith(KEY) ? name.slice(KEY.length) : undefined;

/** A shared record with translated accounts. */
interface Translated {
  readonly name: string;
  readonly text: string;
}

/** A shared record as stored in Redis, with pseudonyms of accounts. */
export function sharedCell(name: string, json: string | null, marks: AccountMarks): Translated {
  return translated(name, json ?? '', marks.markOf) ?? { name, text: json ?? '' };
}

/** The shared record of a cell; undefined if this machine does not have its account. */
export function sharedOfCell(
  name: string,
  text: string,
  marks: AccountMarks,
): Translated | undefined {
  return translated(name, text, marks.accountOf);
}

function translated(
  name: string,
  text: string,
  translate: (account: string) => string | undefined,
): Translated | undefined {
  const shared = readShared(name, text);
  if (shared?.kind === 'allowance') {
    const account = translate(shared.account);
    return account === undefined ? undefined : { name: allowanceName(account), text };
  }
  const before = subjectNamed(name);
  if (before === undefined) return { name, text };
  const subject = withAccount(before, translate);
  if (subject === undefined) return undefined;
  const limit = shared?.kind === 'limit' ? JSON.stringify({ ...shared.limit, subject }) : '';
  return { name: limitName(subject), text: limit };
}

function withAccount(
  subject: Subject,
  translate: (account: string) => string | undefined,
): Subject | undefined {
  if (subject.scope !== 'account' && subject.scope !== 'account-model') return subject;
  const account = translate(subject.account);
  return account === undefined ? undefined : { ...subject, account };
}

/** Merges a cell that two machines have changed independently. */
export function mergeCells(name: string, mine: string, theirs: string): string {
  const merged = keyOfCell(name) === undefined ? mergedShared : mergedRecord;
  return merged(name, mine, theirs) ?? (mine === '' ? theirs : mine);
}

function mergedRecord(_name: string, mine: string, theirs: string): string | undefined {
  const [a, b] = [readRecord(mine), readRecord(theirs)];
  if (a === undefined) return b && theirs;
  return b && JSON.stringify(mergeRecords(a, b));
}

function mergedShared(name: string, mine: string, theirs: string): string | undefined {
  const [a, b] = [readShared(name, mine), readShared(name, theirs)];
  if (a?.kind === 'limit' && b?.kind === 'limit') {
    return JSON.stringify(mergeLimits(a.limit, b.limit));
  }
  if (a?.kind === 'allowance' && b?.kind === 'allowance') {
    return JSON.stringify(mergeAllowances(a.learnt, b.learnt));
  }
  return undefined;
}

/** Whether a newer record lacks an operator's command that the older one has. */
export function isCommandLost(name: string, mine: string, theirs: string): boolean {
  if (keyOfCell(name) === undefined) return false;
  const generationOf = (text: string) => readRecord(text)?.generation ?? -1;
  return generationOf(theirs) < generationOf(mine);
}
