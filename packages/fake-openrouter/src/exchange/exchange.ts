import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Account } from '../accounts/account.ts';
import type { ErrorAnswer } from '../errors/error-answer.ts';
import type { Key } from '../accounts/key.ts';
import { UploadReader, type Upload } from '../objects/upload.ts';
import { isObject, type Json } from '../models/prompt.ts';
import { RequestLog, type RequestRecord } from './request-log.ts';

/** What OpenRouter sends with every answer. */
const COMMON_HEADERS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'X-Generation-Id,X-Provider-Name,request-id,cf-ray',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer, strict-origin-when-cross-origin',
  'Permissions-Policy': 'payment=()',
  'Set-Cookie': '__cf_bm=fake; path=/; HttpOnly',
  'CF-Ray': '9a0000000000-AMS',
  Server: 'cloudflare',
};

/** One request as the fake works on it. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly record: RequestRecord;
  readonly log: RequestLog;
  body: Buffer = Buffer.alloc(0);
  json: Json = {};
  key: Key | undefined;
  /** The form that came instead of a document. */
  upload: Upload | null = null;

  constructor(request: IncomingMessage, response: ServerResponse, log: RequestLog) {
    const url = new URL(request.url ?? '/', 'http://fake');
    this.request = request;
    this.response = response;
    this.path = url.pathname.replace(/^\/api\/v1/, '');
    this.query = url.searchParams;
    this.log = log;
    this.record = {
      method: request.method ?? '',
      url: request.url ?? '',
      rawHeaders: request.rawHeaders,
      body: '',
      bodyBytes: 0,
      key: null,
      model: null,
      startedAt: Date.now(),
      endedAt: null,
      status: null,
      events: 0,
      abortedAt: null,
      billed: null,
      complete: false,
    };
    log.add(this.record);
    response.once('close', () => {
      const now = Date.now();
      this.record.endedAt = now;
      this.record.complete = response.writableFinished;
      if (!response.writableFinished && !response.destroyedByUs) this.record.abortedAt = now;
      log.changed();
    });
  }

  get account(): Account | undefined {
    return this.key?.account;
  }

  /** Reads the body to its end. */
  async readBody(): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.request as AsyncIterable<Buffer>) chunks.push(chunk);
    this.body = Buffer.concat(chunks);
    this.record.body = RequestLog.bounded(this.body);
    this.record.bodyBytes = this.body.length;
    const parsed = parse(this.body.toString('utf8'));
    this.json = isObject(parsed) ? parsed : {};
    this.record.model = typeof this.json['model'] === 'string' ? this.json['model'] : null;
    this.log.changed();
  }

  /** Reads a form: its file goes to the folder, and of its bytes only the beginning is kept. */
  async readUpload(folder: string): Promise<void> {
    const reader = new UploadReader(this.request, folder);
    for await (const chunk of this.request as AsyncIterable<Buffer>) {
      if (this.record.bodyBytes === 0) this.body = Buffer.from(chunk);
      this.record.bodyBytes += chunk.length;
      await reader.push(chunk);
    }
    await reader.end();
    this.upload = reader.upload;
    this.record.body = RequestLog.bounded(this.body);
    this.record.model = this.upload.fields['model'] ?? null;
    this.log.changed();
  }

  /** Sends the head. */
  writeHead(status: number, headers: Record<string, string>): void {
    this.record.status = status;
    this.log.answered(this.record, status);
    this.response.writeHead(status, { ...COMMON_HEADERS, ...headers });
  }

  /** Answers with JSON, gzipped for who accepts it. */
  answerJson(status: number, document: object, headers: Record<string, string> = {}): void {
    this.answer(status, JSON.stringify(document), {
      'Content-Type': 'application/json',
      ...headers,
    });
  }

  /** Answers with an error. */
  answerError({ status, headers, body }: ErrorAnswer): void {
    this.answer(status, body, headers);
  }

  answer(status: number, body: string, headers: Record<string, string>): void {
    const accepts = this.request.headers['accept-encoding'] ?? '';
    if (body.length > 1024 && /\bgzip\b/.test(accepts)) {
      this.writeHead(status, { ...headers, 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' });
      this.response.end(gzipSync(body));
      return;
    }
    this.writeHead(status, headers);
    this.response.end(body);
  }

  /** Ends the connection without an orderly answer. */
  cut(how: 'end' | 'reset'): void {
    this.response.destroyedByUs = true;
    const { socket } = this.request;
    if (how === 'reset') socket.resetAndDestroy();
    else socket.end();
  }
}

declare module 'node:http' {
  interface ServerResponse {
    /** The fake itself ended the connection: the client did not abort. */
    destroyedByUs?: boolean;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // what is no JSON is refused where JSON is needed
  }
}
