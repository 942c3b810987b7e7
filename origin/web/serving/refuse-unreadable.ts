// Refuses an unreadable request like any other: a problem document with the usual headers, on a bare socket where
// need be.

import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Settings } from '../../config.ts';
import { Refusal } from '../../errors.ts';
import { problemResponse, toRefusal } from '../problem.ts';
import { createFinishResponse } from '../response-headers.ts';

/**
 * @param error of what was to read the request: Node's parser, or the adapter that makes a web-standard request of
 * it
 */
export type RefuseUnreadable = (error: unknown) => Response;

export function createRefuseUnreadable(settings: Pick<Settings, 'zone' | 'instance'>): RefuseUnreadable {
  const finish = createFinishResponse(settings);
  return (error) => {
    const response = problemResponse(refusalFor(error));
    finish(response, performance.now());
    return response;
  };
}

function refusalFor(error: unknown): Refusal {
  const { name, code = '' } = error as { name?: string; code?: string };
  if (code === 'HPE_HEADER_OVERFLOW')
    return new Refusal(431, 'headers-too-large', 'The headers of this request are longer than we accept');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new Refusal(408, 'request-timeout', 'This request did not come whole in time');
  if (name === 'RequestError' || code.startsWith('HPE_'))
    return new Refusal(
      400,
      'bad-request',
      'This request cannot be read: its address, Host or form is malformed',
    );
  return toRefusal(error);
}

/**
 * Writes an answer on a bare socket, where the request was too broken for Node to make a response object.
 * Nothing after it can be read either: the connection ends.
 */
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
