import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startFakeOpenRouter } from '@openrouter-proxy/fake-openrouter';
import { onTestFinished } from 'vitest';

/** npm's cache, so that each package is downloaded once for all checkouts. */
const CACHE = path.join(tmpdir(), 'openrouter-proxy-toolchains', 'cache');

/** Letters and spaces that scripts must quote and pass on. */
export const AWKWARD_NAME = 'Größe 1 – 日本';

/** A folder that is removed when the test is over. */
export async function testFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'install-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** How this machine reaches the registry: outgoing proxies and certificates. */
const TO_REGISTRY = /^(?:https?_proxy|no_proxy|node_extra_ca_certs|ssl_cert_\w+)$/i;

/** An environment as a login gives it, without what the test run has set. */
export function loginEnvironment(PATH: string, HOME: string): Record<string, string> {
  const toRegistry = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && TO_REGISTRY.test(entry[0]),
  );
  return {
    ...Object.fromEntries(toRegistry),
    ...{ PATH, HOME, npm_config_cache: CACHE, LANG: 'C.UTF-8' },
  };
}

/** A fake OpenRouter with a key, as the `openrouter` section of a configuration. */
export async function fakeSection(): Promise<{ base_url: string; keys: string[] }> {
  const fake = await startFakeOpenRouter();
  onTestFinished(() => fake.stop());
  return { base_url: fake.url, keys: [fake.addKey().secret] };
}
