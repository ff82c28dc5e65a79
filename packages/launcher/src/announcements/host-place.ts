import type { LoadedConfig } from '@openrouter-proxy/config';

/** What sets the host to listen on: `server.host` of the file, or the option that comes before it. */
export function hostPlace({ settings }: Pick<LoadedConfig, 'settings'>): string {
  const host = settings.find(({ setting }) => setting === 'server.host');
  return host?.origin === 'option' && host.place !== null ? host.place : 'server.host';
}
