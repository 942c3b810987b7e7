// A stop cuts no answer that a slow client is still reading, and leaves no idle connection open, with and without
// TLS.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempDisposableSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectByTls } from 'node:tls';
import { expect, test } from 'vitest';
import { serve } from '../../origin/web/serving/serve.ts';
import { findProgram } from '../support/system-packages.ts';

/** Larger than the socket buffers of the kernel, so that a client that does not read delays the answer. */
const body = new Uint8Array(24 * 1024 * 1024);

async function openServer() {
  return serve({ fetch: () => new Response(body), host: '127.0.0.1', port: 0 });
}

async function ask(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  return socket;
}

async function readBytes(socket: Socket): Promise<number> {
  let bytes = 0;
  for await (const chunk of socket) bytes += (chunk as Buffer).length;
  return bytes;
}

test('an answer that is written and not yet sent arrives whole', async () => {
  const server = await openServer();
  const socket = await ask(server.port);
  await once(socket, 'readable');
  const stopped = server.stop(20_000);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await readBytes(socket)).toBeGreaterThan(body.length);
  await stopped;
});

test('an idle connection is closed at once', async () => {
  const server = await openServer();
  const socket = await ask(server.port);
  let bytes = 0;
  for await (const chunk of socket) {
    bytes += (chunk as Buffer).length;
    if (bytes > body.length) break;
  }
  const began = performance.now();
  await server.stop(20_000);
  expect(performance.now() - began).toBeLessThan(10_000);
});

test('a connection that has not asked yet is answered', async () => {
  const server = await openServer();
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  await new Promise((resolve) => setTimeout(resolve, 50));
  const stopped = server.stop(20_000);
  await new Promise((resolve) => setTimeout(resolve, 200));
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  expect(await readBytes(socket)).toBeGreaterThan(body.length);
  await stopped;
});

test.skipIf(findProgram('openssl') === undefined)(
  'by TLS an answer that is written and not yet sent arrives whole, and a file that is missing is named',
  async () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'myclothes-tls-'));
    const [keyFile, certificateFile] = [join(folder.path, 'key.pem'), join(folder.path, 'certificate.pem')];
    const kind = [
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-subj',
      '/CN=a',
    ];
    execFileSync('openssl', ['req', ...kind, '-keyout', keyFile, '-out', certificateFile], {
      stdio: 'ignore',
    });
    const place = { fetch: () => new Response(body), host: '127.0.0.1', port: 0 };
    const server = await serve({ ...place, tls: { certificateFile, keyFile } });
    const socket = connectByTls({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false });
    socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await once(socket, 'readable');
    const stopped = server.stop(20_000);
    expect(await readBytes(socket)).toBeGreaterThan(body.length);
    await stopped;

    const missing = { certificateFile, keyFile: join(folder.path, 'none') };
    await expect(serve({ ...place, tls: missing })).rejects.toThrow(/none'.*Set TLS_KEY_FILE to a PEM file/);
    const mixed = { certificateFile, keyFile: certificateFile };
    await expect(serve({ ...place, tls: mixed })).rejects.toThrow(
      /Set TLS_CERTIFICATE_FILE and TLS_KEY_FILE/,
    );
  },
);
