// Describes the operating system's errors about files, folders and ports, in the words of all processes and commands.
// Also creates folders.
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

/** @returns the reason in words for a usual system code, else the error's own message */
export function reasonOf(error: unknown): string {
  const { code = '', message = String(error) } = error as NodeJS.ErrnoException;
  return reasons[code] ?? message;
}

/** Deno gives an error's name, but no code, where its own server cannot listen. */
function codeOf(error: unknown): string | undefined {
  const { code, name } = error as NodeJS.ErrnoException;
  if (code !== undefined) return code;
  return { AddrInUse: 'EADDRINUSE', AddrNotAvailable: 'EADDRNOTAVAIL', PermissionDenied: 'EACCES' }[name];
}

/**
 * @param setting name of the port's setting
 * @returns a sentence that says what to do where a port is not available; undefined for any other error
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

/** An error whose message tells the person at the terminal everything. */
export class StartFault extends Error {}

/**
 * Creates a folder and its parents for this user only. Goes one by one, because `recursive` never ends below `/proc`,
 * which answers "no such file" although the parent exists.
 */
export function makeFolders(path: string): void {
  const isThere = () => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isThere()) return;
  makeFolders(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process may have created it meanwhile.
    if (!isThere()) throw error;
  }
}
