import { CLIENTS } from '../clients/clients.ts';
import { gatewayAddresses } from '../clients/settings.ts';
import { CopyableText } from './elements/copyable.tsx';
import { Panel } from './elements/panel.tsx';

/** Replaces the charts until the first request. */
export function Welcome({ origin }: { readonly origin: string }) {
  const curl = CLIENTS.find(({ id }) => id === 'curl')?.settings(gatewayAddresses(origin));
  return (
    <Panel id="traffic" title="Welcome">
      <p>
        No request has come yet. <a href="#connect">Connect a client</a>, or try one from a shell,
        with the client’s access key as <code>$KEY</code>:
      </p>
      {curl?.kind === 'text' ? <CopyableText text={curl.text} label="command to try" /> : null}
    </Panel>
  );
}
