// Creates an HTTP server, with TLS where the settings name a certificate and its key.
import { readFileSync } from 'node:fs';
import {
  createServer as createPlainServer,
  type RequestListener,
  type Server,
  type ServerOptions,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { reasonOf, StartFault } from './system-faults.ts';

/** Paths of PEM files. */
export interface TlsFiles {
  certificateFile: string;
  keyFile: string;
}

/** A client that connects and then sends nothing holds a connection for at most this time. */
const handshakeMs = 10_000;

/** @throws StartFault with the name of the setting whose file cannot be read */
function readTlsFiles({ certificateFile, keyFile }: TlsFiles): { cert: string; key: string } {
  const read = (setting: string, file: string) => {
    try {
      return readFileSync(file, 'utf8');
    } catch (cause) {
      throw new StartFault(`Cannot read '${file}': ${reasonOf(cause)}. Set ${setting} to a PEM file`, {
        cause,
      });
    }
  };
  return { cert: read('TLS_CERTIFICATE_FILE', certificateFile), key: read('TLS_KEY_FILE', keyFile) };
}

/** @returns an HTTPS server if `tls` is given, else an HTTP server. @throws StartFault if the files cannot be used */
export function createServer(
  tls: TlsFiles | undefined,
  options: ServerOptions,
  listener: RequestListener,
): Server {
  if (tls === undefined) return createPlainServer(options, listener);
  const files = readTlsFiles(tls);
  try {
    // The cast is safe: both servers have every member that is used here.
    return createTlsServer(
      { ...options, ...files, handshakeTimeout: handshakeMs },
      listener,
    ) as unknown as Server;
  } catch (cause) {
    throw new StartFault(
      `Cannot use '${tls.certificateFile}' and '${tls.keyFile}': ${reasonOf(cause)}. Set TLS_CERTIFICATE_FILE and TLS_KEY_FILE to PEM files that belong together`,
      { cause },
    );
  }
}
