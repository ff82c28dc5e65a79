import { CLIENTS } from '../clients/clients.ts';
import { gatewayAddresses, type Client, type GatewayAddresses } from '../clients/settings.ts';
import { CopyableText } from './elements/copyable.tsx';
import { Panel } from './elements/panel.tsx';

interface ConnectProps {
  /** The gateway's origin, as the browser sees it. */
  readonly origin: string;
  /** Whether the settings show until somebody folds them. */
  readonly isUnfolded: boolean;
}

/** The settings of clients for this gateway, ready to copy. They never include the access key. */
export function ConnectPanel({ origin, isUnfolded }: ConnectProps) {
  const at = gatewayAddresses(origin);
  return (
    <Panel id="connect" title="Connect a client" note={<KeyHint />}>
      <dl class="addresses">
        <Address api="OpenAI’s and OpenRouter’s API" url={at.openAi} />
        <Address api="Anthropic’s API" url={at.anthropic} />
      </dl>
      <details open={isUnfolded}>
        <summary>Settings of {CLIENTS.length} clients</summary>
        <div class="clients">
          {CLIENTS.map((client) => (
            <ClientSettings key={client.id} client={client} at={at} />
          ))}
        </div>
      </details>
    </Panel>
  );
}

function KeyHint() {
  return (
    <>
      <code>$KEY</code> stands for the client’s access key
    </>
  );
}

function Address({ api, url }: { readonly api: string; readonly url: string }) {
  return (
    <div class="address">
      <dt>{api}</dt>
      <dd>
        <CopyableText text={url} label={`base URL for ${api}`} />
      </dd>
    </div>
  );
}

interface ClientSettingsProps {
  readonly client: Client;
  readonly at: GatewayAddresses;
}

function ClientSettings({ client: { name, settings, note }, at }: ClientSettingsProps) {
  const found = settings(at);
  return (
    <details class="client" name="client">
      <summary>{name}</summary>
      {found.where === undefined ? null : <p class="muted">In {found.where}:</p>}
      {found.kind === 'text' ? (
        <CopyableText text={found.text} label={`settings for ${name}`} />
      ) : (
        <dl class="rows">
          {found.fields.map((field) => (
            <div class="fact" key={field.name}>
              <dt>{field.name}</dt>
              <dd>
                <CopyableText text={field.value} label={`${field.name} for ${name}`} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      {note === undefined ? null : <p class="muted">{plainText(note)}</p>}
    </details>
  );
}

/** Without the marks of Markdown. */
const plainText = (markdown: string) => markdown.replaceAll(/`|\*\*/g, '');
