// One keep-alive HTTP/1.1 connection that sends its next request after the last answer, and parses as little as it can.
// A load generator that worked harder than the server would measure itself.
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  status: number;
  /** Status line and header fields as received. */
  head: string;
  /** Assembled only when it is called, because most bodies are only counted. */
  body(): Buffer;
  /** Bytes of head and body, as they were sent. */
  bytes: number;
}

export interface HttpConnection {
  /** @throws if the connection breaks before the answer is complete, or no answer comes in time */
  send(request: string | Buffer): Promise<RawAnswer>;
  /** @param fields each ended by CRLF @throws as `send` does */
  get(path: string, fields?: string): Promise<RawAnswer>;
  close(): void;
}

/** @param timeoutMs the longest time without a byte; without it, there is no limit */
export function openConnection(url: string | URL, timeoutMs?: number): HttpConnection {
  const { hostname, port, host } = new URL(url);
  let socket: Socket | undefined;
  let received: Buffer = Buffer.alloc(0);
  let waiting: PromiseWithResolvers<RawAnswer> | undefined;

  const settle = (error: Error | undefined, answer?: RawAnswer) => {
    const settled = waiting;
    waiting = undefined;
    received = Buffer.alloc(0);
    if (answer === undefined) settled?.reject(error);
    else settled?.resolve(answer);
  };
  const fail = (error: Error) => {
    socket?.destroy();
    socket = undefined;
    settle(error);
  };
  const onData = (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const answer = parseAnswer(received);
    if (answer === undefined) return;
    if (/^connection: close/im.test(answer.head)) {
      socket?.destroy();
      socket = undefined;
    }
    settle(undefined, answer);
  };
  const open = () => {
    const opened = connect({ host: hostname, port: Number(port), noDelay: true });
    if (timeoutMs !== undefined)
      opened.setTimeout(timeoutMs, () => opened === socket && fail(new Error('No answer came in time')));
    opened.on('data', onData);
    opened.on('error', (error) => opened === socket && fail(error));
    opened.on(
      'close',
      () => opened === socket && fail(new Error('The connection broke before the answer was complete')),
    );
    return opened;
  };
  const send = (request: string | Buffer) => {
    socket ??= open();
    waiting = Promise.withResolvers();
    socket.write(request);
    return waiting.promise;
  };

  return {
    send,
    get: (path, fields = '') => send(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\n${fields}\r\n`),
    close: () => fail(new Error('The connection was closed')),
  };
}

/** @returns the field's value as received, or undefined @param name in any case */
export function fieldOf(head: string, name: string): string | undefined {
  return new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i').exec(head)?.[1];
}

/** @returns undefined while the answer is incomplete */
function parseAnswer(received: Buffer): RawAnswer | undefined {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = received.toString('latin1', 0, headEnd);
  const status = Number(head.slice(9, 12));
  const start = headEnd + 4;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length !== null || status === 204 || status === 304) {
    const end = start + (status === 204 || status === 304 ? 0 : Number(length?.[1] ?? 0));
    if (received.length < end) return undefined;
    return { status, head, body: () => received.subarray(start, end), bytes: end };
  }
  const chunks = readChunks(received, start);
  if (chunks === undefined) return undefined;
  return { status, head, body: () => Buffer.concat(chunks), bytes: received.length };
}

/** @returns undefined before the last chunk has arrived */
function readChunks(received: Buffer, start: number): Buffer[] | undefined {
  const chunks: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = received.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const length = Number.parseInt(received.toString('latin1', at, lineEnd), 16);
    const end = lineEnd + 2 + length;
    if (received.length < end + 2) return undefined;
    if (length === 0) return chunks;
    chunks.push(received.subarray(lineEnd + 2, end));
    at = end + 2;
  }
}

/** A minimal cookie jar: keeps the newest value of each name and sends it back as received. */
export class CookieJar {
  readonly #cookies = new Map<string, string>();

  get header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  keep(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';');
      const name = pair.slice(0, pair.indexOf('='));
      const ends = attributes.some((attribute) => /^\s*max-age=0$/i.test(attribute));
      if (ends) this.#cookies.delete(name);
      else this.#cookies.set(name, pair.slice(pair.indexOf('=') + 1));
    }
  }
}
