import { mustBe } from './reading.ts';

const EVERYTHING = ['', '/api', '/api/v1'];
const PATH = /^(?:\/[\w.:@+~-]+)*$/;

/**
 * Reads a path that is served without keys: a leading slash is added, a trailing one removed, and
 * `/v1/…` means `/api/v1/…`. An empty entry is null. A path that would open the whole API is refused.
 */
export const readPublicEndpoint = mustBe(
  'a path such as `/api/v1/models`, and not the whole API',
  (value) => {
    if (value === null || value === '') return null;
    if (typeof value !== 'string') return undefined;
    const path = `/${value.trim().replace(/^\/+|\/+$/g, '')}`.replace(/^\/v1(?=\/|$)/, '/api/v1');
    const isPath =
      PATH.test(path) && !path.split('/').some((part) => part === '.' || part === '..');
    return isPath && !EVERYTHING.includes(path) ? path : undefined;
  },
);
