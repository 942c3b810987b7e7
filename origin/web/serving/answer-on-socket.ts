// Writes an answer on a bare socket, where the request was too broken for Node to make a response object.
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** Nothing after it can be read either: the connection ends. */
export async function answerOnSocket(socket: Duplex, response: Response): Promise<void> {
  const body = await response.text();
  const head = [
    `HTTP/1.1 ${response.status} ${STATUS_CODES[response.status]}`,
    ...[...response.headers].map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  // Destroyed, as a client that goes on sending would keep it open for as long as it likes.
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
