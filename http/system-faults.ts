// Describes errors of the operating system about files, folders and ports, in the words that all processes and commands
// use; and makes folders.
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

const reasons: Record<string, string> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'there is no such folder',
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EROFS: 'it lies on a disk that is read-only',
  EISDIR: 'it is a folder',
  EEXIST: 'a file is in the way',
  ENOSPC: 'the disk is full',
};

/** @returns the reason in words where the system's code is a usual one, else the error's own message. */
export function reasonOf(error: unknown): string {
  const { code = '', message = String(error) } = error as NodeJS.ErrnoException;
  return reasons[code] ?? message;
}

/** Deno names its errors, and gives no code where its own server cannot listen. */
function codeOf(error: unknown): string | undefined {
  const { code, name } = error as NodeJS.ErrnoException;
  if (code !== undefined) return code;
  return { AddrInUse: 'EADDRINUSE', AddrNotAvailable: 'EADDRNOTAVAIL', PermissionDenied: 'EACCES' }[name];
}

/**
 * @param setting that names the port.
 * @returns a sentence that says what to do where a port cannot be listened on; undefined for any other error.
 */
export function describeListenFault(
  error: unknown,
  { setting, host, port }: { setting: string; host: string; port: number },
): string | undefined {
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return `Port ${port} is in use: stop the program that listens there, or set ${setting} to another port (0 takes a free one)`;
    case 'EACCES':
      return `Port ${port} may not be used by this user: set ${setting} to a port from 1024 up`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this machine: set HOST to one that is`;
    default:
      return undefined;
  }
}

/** An error whose message is all that the person at the terminal needs. */
export class StartFault extends Error {}

/**
 * Makes a folder for this user alone, with those above it. One by one: `recursive` never ends below `/proc`, which
 * answers "no such file" though the folder above is there.
 */
export function makeFolders(path: string): void {
  const isThere = () => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isThere()) return;
  makeFolders(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!isThere()) throw error;
  }
}
