import type { Readable } from 'node:stream';
import { EXIT, StartupError } from './exit-code.ts';
import { installationOf } from './installation.ts';

const MAX_LENGTH = 8 * 1024 * 1024;

/**
 * Reads the configuration that the launcher sends a child: one line of JSON on standard input, so that no
 * secret is in an argument or an environment variable. The stream stays open. Rejects with a StartupError
 * if it ends or exceeds 8 MiB before the end of the line.
 */
export async function receiveConfiguration(input: Readable): Promise<unknown> {
  let text = '';
  const chunks: AsyncIterable<string> = input
    .setEncoding('utf8')
    .iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    text += chunk;
    const end = text.indexOf('\n');
    if (end >= 0) return parse(text.slice(0, end));
    if (text.length > MAX_LENGTH) break;
  }
  throw unusable();
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw unusable(); // without the cause: a SyntaxError quotes the text, and the text holds secrets
  }
}

const unusable = () =>
  new StartupError(EXIT.gaveUp, [
    `This program is started by the launcher and got no configuration from it. Use \`${installationOf().startCommand}\`.`,
  ]);
