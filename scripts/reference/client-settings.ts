import { CLIENTS } from '@openrouter-proxy/dashboard/clients';
import {
  gatewayAddresses,
  type Client,
  type Settings,
} from '@openrouter-proxy/dashboard/client-settings';

/** Where the documents' gateway listens. */
const AT = gatewayAddresses('http://127.0.0.1:5555');

const END = '<!-- end of settings -->';
const PART = /<!-- settings: (?<id>[\w-]+) -->\n(?:[\s\S]*?)<!-- end of settings -->/g;
const TABLE = /<!-- table of clients -->\n[\s\S]*?<!-- end of table -->/;

/** docs/clients.md with the settings of each client between its marks. */
export function clientsPage(text: string): string {
  const seen = new Set<string>();
  const written = text.replaceAll(PART, (_part, id: string) => {
    const client = CLIENTS.find((each) => each.id === id);
    if (client === undefined) throw new Error(`docs/clients.md: there is no client ${id}.`);
    seen.add(id);
    return `<!-- settings: ${id} -->\n\n${settingsOf(client)}\n\n${END}`;
  });
  const missing = CLIENTS.filter(({ id }) => !seen.has(id)).map(({ id }) => id);
  if (missing.length > 0) {
    throw new Error(
      `docs/clients.md: no part for ${missing.join(', ')}. Add the line <!-- settings: ID --> and, below it, ${END}`,
    );
  }
  return written;
}

/** README.md with its table of clients. */
export function readmePage(text: string): string {
  if (!TABLE.test(text)) throw new Error('README.md: the marks of the table of clients are gone.');
  const rows = CLIENTS.map(({ name, short }) => `| ${name} | ${short(AT)} |`);
  const table = ['| client | setting |', '| --- | --- |', ...rows].join('\n');
  return text.replace(
    TABLE,
    () => `<!-- table of clients -->\n\n${table}\n\n<!-- end of table -->`,
  );
}

function settingsOf({ settings, note }: Client): string {
  return [...textOf(settings(AT)), ...(note === undefined ? [] : [note])].join('\n\n');
}

function textOf(settings: Settings): string[] {
  if (settings.kind === 'text') {
    const { where, language, text } = settings;
    return [
      ...(where === undefined ? [] : [`In \`${where}\`:`]),
      `\`\`\`${language}\n${text}\n\`\`\``,
    ];
  }
  const rows = settings.fields.map(({ name, value }) => `| ${name} | \`${value}\` |`);
  return [`In **${settings.where}**:`, ['| field | value |', '| --- | --- |', ...rows].join('\n')];
}
