import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { freePort } from '@openrouter-proxy/end-to-end';
import { startPinned, type Pinned } from './processes.ts';

/** A 450-byte completion, as the published baselines use it. */
const COMPLETION = JSON.stringify({
  id: 'gen-1790000000-abcdefghijklmnopqrst',
  object: 'chat.completion',
  created: 1_790_000_000,
  model: 'openai/gpt-4o',
  provider: 'OpenAI',
  choices: [
    {
      index: 0,
      logprobs: null,
      finish_reason: 'stop',
      native_finish_reason: 'stop',
      message: {
        role: 'assistant',
        content: 'Hello there, how can I help you today?',
        refusal: null,
      },
    },
  ],
  usage: { prompt_tokens: 300, completion_tokens: 12, total_tokens: 312, cost: 0.0001 },
});

/** A server of the comparison, and where it is asked. */
export interface Baseline extends Pinned {
  url: string;
}

async function startNginx(folder: string, core: number, http: string): Promise<Pinned> {
  await mkdir(folder, { recursive: true });
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${path.join(folder, name)};`)
    .join(' ');
  const file = path.join(folder, 'nginx.conf');
  await writeFile(
    file,
    `daemon off; worker_processes 1; pid ${path.join(folder, 'pid')}; error_log ${path.join(folder, 'log')};
     events { worker_connections 16384; }
     http { access_log off; keepalive_requests 100000000; ${temp} ${http} }\n`,
  );
  return startPinned(core, 'nginx', ['-c', file]);
}

/** The upstream of every measurement. */
export async function startUpstream(folder: string, core: number): Promise<Baseline> {
  const port = await freePort();
  const running = await startNginx(
    folder,
    core,
    `server { listen 127.0.0.1:${port}; default_type application/json; location / { return 200 '${COMPLETION}'; } }`,
  );
  return { ...running, url: `http://127.0.0.1:${port}` };
}

/** nginx `proxy_pass` with connections kept alive. */
export async function startNginxProxy(folder: string, core: number, to: string): Promise<Baseline> {
  const port = await freePort();
  const running = await startNginx(
    folder,
    core,
    `upstream up { server ${new URL(to).host}; keepalive 128; keepalive_requests 100000000; }
     server { listen 127.0.0.1:${port}; location / { proxy_pass http://up; proxy_http_version 1.1; proxy_buffering off; proxy_set_header Connection ""; } }`,
  );
  return { ...running, url: `http://127.0.0.1:${port}` };
}

/** express and http-proxy-3 with nothing around them. */
export async function startBareProxy(core: number, to: string): Promise<Baseline> {
  const port = await freePort();
  const program = path.join(import.meta.dirname, 'bare-proxy.ts');
  const running = await startPinned(core, process.execPath, [program, String(port), to]);
  return { ...running, url: `http://127.0.0.1:${port}` };
}

/** Whether the programs that a measurement needs are here. */
export async function missingPrograms(): Promise<string[]> {
  const found = await Promise.all(
    ['nginx', 'wrk', 'taskset', 'redis-server'].map(async (name) => {
      const { exitCode } = await execa({ reject: false })`which ${name}`;
      return exitCode === 0 ? [] : [name];
    }),
  );
  return found.flat();
}
