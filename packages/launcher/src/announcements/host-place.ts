import type { LoadedConfig } from '@openrouter-proxy/config';

/** The place that sets the host: `server.host` of the file, or the option that overrides it. */
export function hostPlace({ settings }: Pick<LoadedConfig, 'settings'>): string {
  const host = settings.find(({ setting }) => setting === 'server.host');
  return host?.origin === 'option' && host.place !== null ? host.place : 'server.host';
}
