import type { IncomingHttpHeaders } from 'node:http';
import type { DocumentState } from '../upstream/json-scan.ts';
import { UpstreamFailure } from '../upstream/upstream-failure.ts';

const MEDIA_TYPE = /^[\w.+-]{1,40}\/[\w.+-]{1,40}/;

function notJson(headers: IncomingHttpHeaders): string {
  const type = MEDIA_TYPE.exec(headers['content-type'] ?? '')?.[0] ?? 'of no stated type';
  return `it is not JSON (${type})`;
}

/** Why a body cannot be a JSON answer; undefined: it can. */
function problemOf(state: DocumentState, headers: IncomingHttpHeaders): string | undefined {
  switch (state) {
    case 'whole':
      return undefined;
    case 'blank':
      return 'it is empty';
    case 'open':
      return 'it breaks off within its JSON';
    case 'scalar':
    case 'other':
      return notJson(headers);
  }
}

/** The failure of an answer that is no whole JSON document; undefined: it is one. */
export function brokenDocument(
  state: DocumentState,
  headers: IncomingHttpHeaders,
): UpstreamFailure | undefined {
  const problem = problemOf(state, headers);
  return problem === undefined ? undefined : new UpstreamFailure('document', problem);
}

/** The failure of an answer whose content coding is damaged, or not known. */
export function undecodable(): UpstreamFailure {
  return new UpstreamFailure('document', 'its content coding cannot be decoded');
}
