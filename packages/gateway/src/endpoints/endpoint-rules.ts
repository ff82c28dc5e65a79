import type { Binding, EndpointRules, ObjectKind } from './endpoint.ts';

/** It changes nothing. */
export const READ: EndpointRules = {
  class: 'data',
  key: 'leased',
  answeredBy: 'upstream',
  binds: null,
  creates: null,
  lists: null,
  repeat: 'always',
  usage: 'none',
  body: 'none',
  answer: 'json',
};

/** It makes something, or does something once. */
export const ONCE: EndpointRules = {
  ...READ,
  repeat: 'not-taken',
  usage: 'document',
  body: 'json',
};

/** Nobody knows what it does. */
export const UNKNOWN: EndpointRules = {
  ...ONCE,
  class: 'unknown',
  usage: 'unknown',
  body: 'any',
  answer: 'any',
};

/** Nothing of it is sent upstream. */
export const HERE: EndpointRules = { ...READ, key: 'none', answeredBy: 'gateway', repeat: 'never' };

export const TEXT: EndpointRules = {
  ...ONCE,
  class: 'text',
  repeat: 'before-content',
  creates: 'generation',
};
export const MEDIA: EndpointRules = { ...ONCE, class: 'media', creates: 'generation' };
export const PUBLIC: EndpointRules = { ...READ, class: 'catalogue', key: 'none' };

export const about = (
  object: ObjectKind,
  name: string,
  access: Binding['access'] = 'read',
): Binding => ({
  object,
  in: 'path',
  name,
  access,
});

export const VIDEO: EndpointRules = { ...READ, class: 'jobs', binds: about('video', 'jobId') };
export const BATCH: EndpointRules = { ...READ, class: 'jobs', binds: about('batch', 'id') };
export const FILE: EndpointRules = { ...READ, class: 'files', binds: about('file', 'file_id') };
export const CONTAINER: EndpointRules = {
  ...READ,
  class: 'files',
  binds: about('container', 'container_id'),
};
export const GENERATION: Binding = {
  object: 'generation',
  in: 'query',
  name: 'id',
  access: 'read',
};
