// Describes in one sentence why an edge cannot start: a port, a folder or a setting. The words are the origin's.
import { once } from 'node:events';
import type { Server } from 'node:http';

/** An error whose message is all that the person at the terminal needs. */
export class StartFault extends Error {}

/** @param setting names the port where it cannot be had. @returns the port that was taken. */
export async function listen(server: Server, host: string, port: number, setting: string): Promise<number> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new StartFault(describe((error as NodeJS.ErrnoException).code, host, port, setting), {
      cause: error,
    });
  }
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

const folderReasons: Record<string, string> = {
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EROFS: 'it lies on a disk that is read-only',
  ENOTDIR: 'there is no such folder',
  EEXIST: 'a file is in the way',
  ENOSPC: 'the disk is full',
};

/** @param setting names the folder. */
export function cannotWrite(folder: string, cause: NodeJS.ErrnoException, setting: string): StartFault {
  const reason = folderReasons[cause.code ?? ''] ?? cause.message;
  return new StartFault(`Cannot write to '${folder}': ${reason}. Set ${setting} to a folder of your own`, {
    cause,
  });
}

function describe(code: string | undefined, host: string, port: number, setting: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} is in use: stop the program that listens there, or set ${setting} to another port (0 takes a free one)`;
    case 'EACCES':
      return `Port ${port} may not be used by this user: set ${setting} to a port from 1024 up`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this machine: set HOST to one that is`;
    default:
      return `Cannot listen on port ${port} of ${host}: ${code}`;
  }
}
