import { connect, type Socket } from 'node:net';

const KEY = /sk-or-[\w-]{4,}/i;
/** As much of what was heard last as a key takes: it may come in two pieces. */
const OVERLAP = 200;
const AGAIN_MS = 10;

/** Hears everything that a Redis is told, and keeps what looks like a key. */
export interface KeyWatch {
  /** Bytes heard so far. */
  readonly heard: number;
  readonly found: string[];
  stop(): void;
}

/** Listens on a Redis' socket (Redis docs, "MONITOR"), and again after it was away. */
export function watchForKeys(path: string): KeyWatch {
  const found: string[] = [];
  let heard = 0;
  let isOver = false;
  let socket: Socket;
  const listen = () => {
    let last = '';
    socket = connect(path);
    socket.write('MONITOR\r\n');
    socket.setEncoding('latin1').on('data', (text: string) => {
      heard += text.length;
      const key = KEY.exec(last + text);
      if (key !== null) found.push(key[0]);
      last = text.slice(-OVERLAP);
    });
    socket.on('error', () => undefined); // `close` follows
    socket.on('close', () => {
      if (!isOver) setTimeout(listen, AGAIN_MS).unref();
    });
    socket.unref();
  };
  listen();
  return {
    get heard() {
      return heard;
    },
    found,
    stop() {
      isOver = true;
      socket.destroy();
    },
  };
}
