// A minimal HTTP/1.1 client on one keep-alive connection, to save the machine's processor for the region.
import { connect, type Socket } from 'node:net';

export interface Answer {
  status: number;
  /** Status line and fields, as they came. */
  head: string;
  body: Buffer;
}

export interface ReadSocket {
  /** @param fields each ended by CRLF. @throws where no whole answer comes, or none within the time */
  get(path: string, fields: string): Promise<Answer>;
  close(): void;
}

export function openReadSocket(url: string, timeoutMs: number): ReadSocket {
  const { hostname, port, host } = new URL(url);
  let socket: Socket | undefined;
  let received: Buffer[] = [];
  let settle: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;

  const fail = (error: Error) => {
    socket?.destroy();
    socket = undefined;
    received = [];
    settle?.reject(error);
    settle = undefined;
  };

  const open = (): Socket => {
    const opened = connect({ host: hostname, port: Number(port), noDelay: true });
    opened.setTimeout(timeoutMs, () => fail(new Error('no answer in time')));
    opened.on('error', (error) => opened === socket && fail(error));
    opened.on('close', () => opened === socket && fail(new Error('closed without an answer')));
    opened.on('data', (chunk) => {
      received.push(chunk);
      const answer = parseAnswer(received.length === 1 ? chunk : Buffer.concat(received));
      if (answer === undefined) return;
      received = [];
      const waiting = settle;
      settle = undefined;
      if (/^connection: close/im.test(answer.head)) {
        socket = undefined;
        opened.destroy();
      }
      waiting?.resolve(answer);
    });
    return opened;
  };

  return {
    get: (path, fields) =>
      new Promise((resolve, reject) => {
        settle = { resolve, reject };
        socket ??= open();
        socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`);
      }),
    close: () => fail(new Error('closed')),
  };
}

/** @returns undefined until all of it is there */
function parseAnswer(bytes: Buffer): Answer | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = bytes.toString('latin1', 0, headEnd);
  const status = Number(head.slice(9, 12));
  const rest = bytes.subarray(headEnd + 4);
  if (status === 304 || status === 204) return { status, head, body: rest.subarray(0, 0) };
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    return rest.length < Number(length)
      ? undefined
      : { status, head, body: rest.subarray(0, Number(length)) };
  }
  const body = joinChunks(rest);
  return body && { status, head, body };
}

function joinChunks(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (bytes.length < next) return undefined;
    if (size === 0) return Buffer.concat(parts);
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = next;
  }
}

/** @returns the field's value as it came, or undefined. @param name in any case */
export function fieldOf(head: string, name: string): string | undefined {
  return new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i').exec(head)?.[1];
}
