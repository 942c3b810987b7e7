// One keep-alive HTTP/1.1 connection that sends its next request after the last answer and parses as little as it can.
// A load generator that worked harder than the server would measure itself.
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  status: number;
  /** Status line and headers as received. */
  head: string;
  /** Only where it was asked for. */
  body: string;
  /** Of head and body, as they crossed the wire. */
  bytes: number;
}

export interface HttpConnection {
  /** @throws where the connection breaks before the answer is complete. */
  send(request: string | Buffer, wantsBody?: boolean): Promise<RawAnswer>;
  close(): void;
}

export function openConnection(host: string, port: number): HttpConnection {
  let socket: Socket | undefined;
  let received: Buffer = Buffer.alloc(0);
  let waiting: PromiseWithResolvers<RawAnswer> | undefined;
  let wants = false;

  const settle = (error: Error | undefined, answer?: RawAnswer) => {
    const { resolve, reject } = waiting!;
    waiting = undefined;
    received = Buffer.alloc(0);
    if (answer === undefined) reject(error);
    else resolve(answer);
  };
  const onData = (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const answer = parseAnswer(received, wants);
    if (answer !== undefined && waiting !== undefined) settle(undefined, answer);
  };
  const open = () => {
    const opened = connect({ host, port, noDelay: true });
    opened.on('data', onData);
    opened.on('error', () => undefined);
    opened.on('close', () => {
      if (socket === opened) socket = undefined;
      if (waiting !== undefined) settle(new Error('The connection broke before the answer was complete'));
    });
    return opened;
  };

  return {
    send(request, wantsBody = false) {
      socket ??= open();
      wants = wantsBody;
      waiting = Promise.withResolvers();
      socket.write(request);
      return waiting.promise;
    },
    close: () => socket?.destroy(),
  };
}

/** @returns undefined while the answer is incomplete. */
function parseAnswer(received: Buffer, wantsBody: boolean): RawAnswer | undefined {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = received.toString('latin1', 0, headEnd);
  const status = Number(head.slice(9, 12));
  const start = headEnd + 4;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length !== null || status === 204 || status === 304) {
    const end = start + Number(length?.[1] ?? 0);
    if (received.length < end) return undefined;
    return { status, head, body: wantsBody ? received.toString('utf8', start, end) : '', bytes: end };
  }
  const chunks = readChunks(received, start);
  if (chunks === undefined) return undefined;
  const body = wantsBody ? Buffer.concat(chunks).toString() : '';
  return { status, head, body, bytes: received.length };
}

/** @returns undefined while the last chunk has not come. */
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
