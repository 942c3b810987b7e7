// Measures what no job reports: free disk space, certificates, and missing migrations.
import { statfs } from 'node:fs/promises';
import { connect, type TLSSocket } from 'node:tls';
import { Gauge, type Registry } from 'prom-client';
import { withinMs } from '../origin/concurrency/deadline.ts';
import type { Settings } from '../origin/config.ts';
import { appliedMigrations, knownMigrations } from '../origin/postgres/migrate.ts';
import type { Db } from '../origin/schema.ts';

/** Interval of certificate checks, each of which connects to the public address. */
const certificateMs = 60_000;
const connectMs = 3_000;
const askMs = 1_000;

interface Surroundings {
  settings: Pick<Settings, 'dataDir' | 'siteUrl' | 'edgeUrls'>;
  db: Db;
  registry: Registry;
}

export function measureSurroundings({ settings, db, registry }: Surroundings): void {
  const registers = [registry];
  new Gauge({
    name: 'disk_free_ratio',
    help: 'Share of the disk under DATA_DIR that is free',
    registers,
    async collect() {
      const disk = await statfs(settings.dataDir).catch(() => undefined);
      this.remove();
      if (disk !== undefined && disk.blocks > 0) this.set(disk.bavail / disk.blocks);
    },
  });
  new Gauge({
    name: 'migrations_missing',
    help: 'Migrations of this release that the database does not have',
    registers,
    async collect() {
      const tooLate = () => new Error('Postgres does not say which migrations it has');
      const applied = await withinMs(askMs, tooLate, () => appliedMigrations(db)).catch(() => undefined);
      this.remove();
      if (applied !== undefined) this.set(knownMigrations.filter((name) => !applied.includes(name)).length);
    },
  });
  const places = [settings.siteUrl, ...settings.edgeUrls].filter((url) => url.startsWith('https://'));
  const ends = new CertificateEnds([...new Set(places.map((url) => new URL(url).host))]);
  new Gauge({
    name: 'certificate_left_seconds',
    help: 'Until the certificate of SITE_URL or of an edge expires; negative once it has',
    labelNames: ['host'],
    registers,
    collect() {
      this.reset();
      for (const [host, endsAtMs] of ends.read()) this.set({ host }, (endsAtMs - Date.now()) / 1_000);
    },
  });
}

/** Checks in the background, so that metrics never wait for the network. A silent host keeps its last result. */
class CertificateEnds {
  readonly #hosts: string[];
  readonly #ends = new Map<string, number>();
  #askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(hosts: string[]) {
    this.#hosts = hosts;
  }

  read(): Map<string, number> {
    if (performance.now() - this.#askedAtMs > certificateMs) {
      this.#askedAtMs = performance.now();
      for (const host of this.#hosts)
        void readCertificateEnd(host).then((endsAtMs) => endsAtMs && this.#ends.set(host, endsAtMs));
    }
    return this.#ends;
  }
}

/** Reads also expired certificates and those of unknown issuers. @returns undefined where none is shown */
function readCertificateEnd(host: string): Promise<number | undefined> {
  const { hostname, port } = new URL(`https://${host}`);
  return new Promise((resolve) => {
    let socket: TLSSocket | undefined;
    const finish = (endsAtMs?: number) => {
      socket?.destroy();
      resolve(endsAtMs);
    };
    const name = hostname.replaceAll(/^\[|\]$/g, '');
    socket = connect({
      host: name,
      port: Number(port || 443),
      ...(/^[\d.:a-f]+$/i.test(name) ? {} : { servername: name }),
      // The certificate is only read, and nothing is sent, so it need not be trusted.
      rejectUnauthorized: false,
      timeout: connectMs,
    });
    socket.once('secureConnect', () => {
      const endsAtMs = Date.parse(socket!.getPeerCertificate().valid_to);
      finish(Number.isNaN(endsAtMs) ? undefined : endsAtMs);
    });
    socket.once('timeout', () => finish());
    socket.once('error', () => finish());
  });
}
