// Passes WebSocket and other upgrades through, byte for byte, on a connection of their own.
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

const timeoutMs = 10_000;

export function passUpgrade(
  originUrl: string,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  clientAddress: (peer: string, forwardedFor: string | undefined) => string,
): void {
  const { hostname, port } = new URL(originUrl);
  const upstream = connect({ host: hostname, port: Number(port || 80), timeout: timeoutMs });
  const end = () => {
    socket.destroy();
    upstream.destroy();
  };
  for (const side of [socket, upstream]) side.on('error', end).on('close', end);
  upstream.on('timeout', end);
  upstream.on('connect', () => {
    upstream.setTimeout(0);
    const lines = [`${request.method} ${request.url} HTTP/1.1`];
    for (let at = 0; at < request.rawHeaders.length; at += 2) {
      if (request.rawHeaders[at]!.toLowerCase() !== 'x-forwarded-for')
        lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
    }
    const client = clientAddress(
      request.socket.remoteAddress ?? '',
      request.headers['x-forwarded-for'] as string | undefined,
    );
    upstream.write(`${lines.join('\r\n')}\r\nX-Forwarded-For: ${client}\r\n\r\n`);
    upstream.write(head);
    upstream.pipe(socket);
    socket.pipe(upstream);
  });
}
