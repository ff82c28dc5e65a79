import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import type { Exchange } from '../exchange/exchange.ts';
import type { Fault, KeyEncoding, StreamCoding } from './fault-rules.ts';

const CODINGS = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
} as const satisfies Record<StreamCoding, unknown>;

const ENCODINGS: Readonly<Record<KeyEncoding, (key: string) => string>> = {
  plain: (key) => key,
  upper: (key) => key.toUpperCase(),
  base64: (key) => Buffer.from(key).toString('base64'),
  percent: (key) => key.replaceAll('-', '%2D'),
  json: (key) => key.replaceAll('-', String.raw`\u002d`),
  'without prefix': (key) => key.replace('sk-or-v1-', ''),
};

/** Sends a document that a fault has cut, coded, delayed or added to; false: the fault is another. */
export async function sendFaultyDocument(
  exchange: Exchange,
  json: object,
  fault: Fault,
): Promise<boolean> {
  switch (fault.kind) {
    case 'document':
      sendCoded(exchange, json, fault);
      return true;
    case 'blank-lines':
      await sendBlankLines(exchange, json, fault);
      return true;
    case 'echo': {
      const key = ENCODINGS[fault.encoding](exchange.key?.secret ?? '');
      const text = JSON.stringify(json).replace(/^\{/, `{"echo":"${key}",`);
      exchange.writeHead(200, { 'Content-Type': 'application/json', 'X-Generation-Id': key });
      exchange.response.end(text);
      return true;
    }
    default:
      return false;
  }
}

function sendCoded(
  exchange: Exchange,
  json: object,
  { bytes, coding, isLabelOnly }: Extract<Fault, { kind: 'document' }>,
): void {
  const text = Buffer.from(JSON.stringify(json));
  const body = coding === undefined || isLabelOnly === true ? text : CODINGS[coding](text);
  exchange.writeHead(200, {
    'Content-Type': 'application/json',
    ...(coding === undefined ? {} : { 'Content-Encoding': coding }),
  });
  exchange.response.end(body.subarray(0, bytes));
}

/** OpenRouter sends the head and blank lines while a model works. */
async function sendBlankLines(
  exchange: Exchange,
  json: object,
  { lines, everyMs }: Extract<Fault, { kind: 'blank-lines' }>,
): Promise<void> {
  const { response } = exchange;
  exchange.writeHead(200, { 'Content-Type': 'application/json' });
  for (let n = 0; n < lines && !response.destroyed; n += 1) {
    response.write('\n');
    await sleep(everyMs);
  }
  response.end(JSON.stringify(json));
}
