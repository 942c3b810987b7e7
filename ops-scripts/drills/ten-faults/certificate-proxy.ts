// A TLS server in front of the shop whose certificate can expire; SIGHUP makes it read the file again, as balancers do.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';

export interface CertificateProxy extends AsyncDisposable {
  url: string;
  host: string;
  /** Variables of the operator's shell: the files, and the process that reads them. */
  environment: Record<string, string>;
  expire(): void;
}

export async function openCertificateProxy(folder: string, port: number): Promise<CertificateProxy> {
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
  openssl(
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-subj',
    '/CN=localhost',
    '-keyout',
    file('tls.key'),
    '-out',
    file('tls.csr'),
  );
  const sign = (days: string) =>
    openssl(
      'x509',
      '-req',
      '-in',
      file('tls.csr'),
      '-signkey',
      file('tls.key'),
      '-days',
      days,
      '-out',
      file('tls.crt'),
    );
  sign('90');
  const read = () => ({ key: readFileSync(file('tls.key')), cert: readFileSync(file('tls.crt')) });
  const server = createServer(read(), (socket) => {
    const upstream = connect(port, '127.0.0.1');
    socket.on('error', () => upstream.destroy());
    upstream.on('error', () => socket.destroy());
    socket.pipe(upstream).pipe(socket);
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const reload = () => server.setSecureContext(read());
  process.on('SIGHUP', reload);
  const host = `localhost:${(server.address() as AddressInfo).port}`;
  return {
    url: `https://${host}`,
    host,
    environment: { TLS: folder, HOST_AND_PORT: host, BALANCER_PID: String(process.pid) },
    expire() {
      sign('-1');
      reload();
    },
    async [Symbol.asyncDispose]() {
      process.off('SIGHUP', reload);
      server.close();
    },
  };
}
