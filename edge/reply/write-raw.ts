// Writes one of the edge's own answers on a bare socket, and ends it.
import type { Duplex } from 'node:stream';
import type { Answer } from '../stored/answer.ts';

export function writeRaw(socket: Duplex, { status, statusText, headers, body }: Answer): void {
  const bytes = Buffer.from(body ?? '');
  const lines = [
    `HTTP/1.1 ${status} ${statusText}`,
    `date: ${new Date().toUTCString()}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${bytes.length}`,
    'connection: close',
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  socket.end(bytes);
}
