// Finds idle connections: all answers handed to the system, and nothing received since. Node itself counts a connection
// as idle whose answer is written but not yet sent.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * @returns how to close those that are idle at the moment; one that has not asked for anything yet is about to, and
 * stays
 */
export function watchIdleConnections(server: Server): { close: () => void } {
  const connections = new Map<Socket, { answering: number; readByThen: number }>();
  server.prependListener('request', ({ socket }: IncomingMessage, outgoing: ServerResponse) => {
    const connection = connections.get(socket) ?? { answering: 0, readByThen: 0 };
    if (!connections.has(socket)) {
      connections.set(socket, connection);
      socket.once('close', () => connections.delete(socket));
    }
    connection.answering += 1;
    outgoing.once('close', () => {
      connection.answering -= 1;
      connection.readByThen = socket.bytesRead;
    });
  });
  return {
    close() {
      for (const [socket, { answering, readByThen }] of connections)
        if (answering === 0 && socket.bytesRead === readByThen) socket.destroy();
    },
  };
}
