// Passes WebSockets through byte for byte once the origin has agreed.
// Until then nothing unread from the client reaches it.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { isAmbiguous, RawFields } from '../../http/fields.ts';
import { errorAnswer, writeOnSocket } from '../reply/replies.ts';
import { openOrigin } from './upstream-node.ts';

export interface PassOptions {
  originUrl: string;
  servedBy: string;
  addressOf: (request: IncomingMessage) => string;
  isWebSocket: (request: IncomingMessage) => boolean;
}

const handshakeMs = 10_000;
const maxTunnels = 1_000;
const ownFields = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'content-length', 'transfer-encoding'];

export function passUpgrades({ originUrl, servedBy, addressOf, isWebSocket }: PassOptions) {
  const origin = openOrigin(originUrl);
  let tunnels = 0;
  return (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const fields = new RawFields(request);
    const refuse = (status: number, why = 'edge') =>
      writeOnSocket(socket, errorAnswer(status, fields, servedBy, why));
    socket.on('error', () => socket.destroy());
    if (!isWebSocket(request) || isAmbiguous(request.url ?? '', fields)) return void refuse(400);
    if (tunnels >= maxTunnels) return void refuse(503);
    tunnels++;
    socket.once('close', () => tunnels--);
    const headers = request.rawHeaders.flatMap((name, at, raw) =>
      at % 2 === 1 || ownFields.includes(name.toLowerCase()) ? [] : [name, raw[at + 1]!],
    );
    const asking = origin.request({
      path: request.url,
      headers: [...headers, 'X-Forwarded-For', addressOf(request)],
      agent: false,
    });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      asking.destroy(new Error('The origin did not answer in time'));
    }, handshakeMs);
    socket.once('close', () => asking.destroy());
    asking.on('close', () => clearTimeout(timer));
    let isAnswered = false;
    asking.on('error', () => {
      if (isAnswered) socket.destroy();
      else if (late) refuse(504, 'edge; fwd=bypass; detail=origin-silent');
      else refuse(502, 'edge; fwd=bypass; detail=origin-away');
    });
    asking.on('response', (response) => {
      isAnswered = true;
      passRefusal(response, socket);
    });
    asking.on('upgrade', (response, tunnel, first) => {
      isAnswered = true;
      clearTimeout(timer);
      socket.write(headOf(response), 'latin1');
      socket.write(first);
      tunnel.write(head);
      tunnel.on('error', () => socket.destroy()).once('close', () => socket.destroy());
      socket.once('close', () => tunnel.destroy());
      tunnel.pipe(socket).pipe(tunnel);
    });
    asking.end();
  };
}

/** The origin answers as to any request: its answer ends the connection, so that no later bytes go by unread. */
function passRefusal(response: IncomingMessage, socket: Duplex): void {
  socket.write(headOf(response, ['connection', 'keep-alive', 'transfer-encoding'], 'connection: close\r\n'));
  response.on('error', () => socket.destroy());
  response.pipe(socket);
}

function headOf(
  { statusCode, statusMessage, rawHeaders }: IncomingMessage,
  without: string[] = [],
  more = '',
) {
  let head = `HTTP/1.1 ${statusCode} ${statusMessage}\r\n`;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (!without.includes(rawHeaders[at]!.toLowerCase()))
      head += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`;
  }
  return `${head}${more}\r\n`;
}
