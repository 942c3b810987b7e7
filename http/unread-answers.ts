// Ends connections whose client does not read its answer.
// Otherwise the client could hold the answer's bytes and their source as long as it likes.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface ReadingBounds {
  /** Time without a byte taken while bytes wait. */
  silenceMs: number;
  /** Least average bytes a second that the client must take after `slowAfterMs`. */
  leastBytesPerSecond: number;
  slowAfterMs: number;
}

export const usualReadingBounds: ReadingBounds = {
  silenceMs: 15_000,
  leastBytesPerSecond: 2_048,
  slowAfterMs: 30_000,
};

const lookEveryMs = 1_000;

interface Reading {
  /** Bytes handed to the system at the last check. */
  taken: number;
  /** Monotonic time of the last check at which bytes had been taken. */
  takenAtMs: number;
  /** When the waiting bytes began to wait, and the bytes taken until then. */
  since: { atMs: number; taken: number } | undefined;
}

/** @returns a function that stops the checks */
export function endUnreadAnswers(server: Server, bounds: ReadingBounds = usualReadingBounds): () => void {
  const readings = new Map<Socket, Reading>();
  server.prependListener('request', ({ socket }: IncomingMessage, _answer: ServerResponse) => {
    if (readings.has(socket)) return;
    readings.set(socket, { taken: 0, takenAtMs: performance.now(), since: undefined });
    socket.once('close', () => readings.delete(socket));
  });
  const look = () => {
    const nowMs = performance.now();
    for (const [socket, reading] of readings) if (isTooSlow(socket, reading, nowMs, bounds)) socket.destroy();
  };
  const timer = setInterval(look, lookEveryMs).unref();
  const stop = () => clearInterval(timer);
  server.once('close', stop);
  return stop;
}

/** Members of Node's sockets that the types lack. Part of a long piece may have been taken already. */
interface SocketInternals {
  _writableState?: { writing?: boolean; writelen?: number };
  _handle?: { writeQueueSize?: number } | null;
}

/** Bytes of answers that the system has taken for the client. */
function takenOf(socket: Socket): number {
  const { _writableState: state, _handle: handle } = socket as unknown as SocketInternals;
  const piece = state?.writing ? (state.writelen ?? 0) : 0;
  return socket.bytesWritten - socket.writableLength + piece - (handle?.writeQueueSize ?? piece);
}

function isTooSlow(socket: Socket, reading: Reading, nowMs: number, bounds: ReadingBounds): boolean {
  const waiting = socket.writableLength;
  if (waiting === 0) {
    reading.since = undefined;
    return false;
  }
  const taken = takenOf(socket);
  if (reading.since === undefined || taken !== reading.taken) reading.takenAtMs = nowMs;
  reading.since ??= { atMs: nowMs, taken };
  reading.taken = taken;
  const { atMs, taken: before } = reading.since;
  const waitedMs = nowMs - atMs;
  const isSilent = nowMs - reading.takenAtMs >= bounds.silenceMs;
  const isDripping =
    waitedMs >= bounds.slowAfterMs && (taken - before) / (waitedMs / 1_000) < bounds.leastBytesPerSecond;
  return isSilent || isDripping;
}
