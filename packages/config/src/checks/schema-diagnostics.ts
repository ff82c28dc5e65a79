import type * as z from 'zod';
import { nearest } from './nearest-name.ts';
import { FIELDS } from '../schema/config-file.ts';
import { kindOf } from '../values/shown.ts';
import { dotted, valueAt, type Path } from '../values/value-path.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { reasonForNoEffect } from '../schema/without-effect.ts';

const MOST_UNKNOWN = 100;

/** A problem that the schema found, in words for the author of the file. */
export function diagnosticsOf(issue: z.core.$ZodIssue, parents: Path = []): Diagnostic[] {
  const path = [...parents, ...issue.path];
  switch (issue.code) {
    case 'custom':
      return [{ path, text: issue.message }];
    case 'unrecognized_keys':
      return issue.keys.slice(0, MOST_UNKNOWN).map((name) => unknown([...path, name], name));
    case 'invalid_union': {
      const isMapping = kindOf(issue.input) === 'a mapping';
      const branch = isMapping ? issue.errors.at(-1) : issue.errors.at(0);
      return (branch ?? []).flatMap((inner) => diagnosticsOf(inner, path));
    }
    case 'invalid_type': {
      const expected = issue.expected === 'array' ? 'a list' : 'a mapping';
      return [{ path, text: `must be ${expected}, got ${kindOf(issue.input)}` }];
    }
    case 'too_big':
      return [{ path, text: `must have at most ${issue.maximum} entries` }];
    default:
      return [{ path, text: 'cannot be used' }];
  }
}

/** A name unlike any setting may be a misplaced secret, so it is not quoted. */
function unknown(path: Path, name: string): Diagnostic {
  const parents = path.slice(0, -1);
  const section = parents.filter((segment) => typeof segment === 'string').join('.');
  const suggestion = suggest(section, name.slice(0, 64));
  const isQuoted = suggestion !== undefined || /^[A-Za-z_]{1,40}$/.test(name);
  const subject = [dotted(parents), isQuoted ? name : '…'].filter(Boolean).join('.');
  const hint = suggestion === undefined ? '' : `; did you mean \`${suggestion}\`?`;
  return { path, text: `unknown setting \`${subject}\`${hint}`, standsAlone: true };
}

/** A setting of the same section with a similar name, or one with the same name in another section. */
function suggest(section: string, name: string): string | undefined {
  const near = nearest(name, meaningful(FIELDS[section]));
  if (near !== undefined) return near;
  const elsewhere = Object.keys(FIELDS).find((other) => meaningful(FIELDS[other]).includes(name));
  return elsewhere === undefined ? undefined : [elsewhere, name].filter(Boolean).join('.');
}

const meaningful = (fields: Readonly<Record<string, z.ZodType>> = {}) =>
  Object.entries(fields).flatMap(([name, schema]) => (reasonForNoEffect(schema) ? [] : [name]));

/** Warnings for settings of older configurations that have no effect here. */
export function ineffectiveKeys(value: unknown): Diagnostic[] {
  return Object.entries(FIELDS).flatMap(([section, fields]) =>
    Object.entries(fields).flatMap(([name, schema]) => {
      const reason = reasonForNoEffect(schema);
      const path = [...section.split('.').filter(Boolean), name];
      if (reason === undefined || valueAt(value, ...path) === undefined) return [];
      return [{ path, text: `has no effect: ${reason}` }];
    }),
  );
}
