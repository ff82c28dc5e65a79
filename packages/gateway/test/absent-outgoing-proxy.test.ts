import { expect, it } from 'vitest';
import { rawPost } from './support/gateway.ts';
import { statusOf } from './support/http-message.ts';
import { newCredentials, proxyUrl, said, startThrough } from './support/through-proxy.ts';

it.each(['http', 'https', 'socks5', 'socks5h', 'socks4'])(
  'a %s proxy that is not there leads to 502, and its password is in no message',
  async (scheme) => {
    const credentials = newCredentials();
    const gateway = await startThrough(
      'https://localhost:1/api/v1',
      proxyUrl(scheme, credentials, 1),
    );
    const answer = await gateway.send(rawPost('{}'));
    expect(statusOf(answer)).toBe(502);
    expect(said(gateway)).not.toContain(credentials.password);
    expect(answer.body.toString()).not.toContain(credentials.password);
  },
);
