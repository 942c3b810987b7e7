// The ten faults: how each is prepared, which alert reports it, and the commands to find and mend it.
import { execFile, spawn } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import pg from 'pg';
import { findFreePort } from '../../local/ports.ts';
import { type Scene, type } from './scene.ts';

export interface Prepared {
  /** Variables of the operator's shell. */
  environment?: Record<string, string>;
  /** Reads the alert's metric; default: the worker's metrics. */
  figures?: () => Promise<string>;
  /**
   * By step number: something outside of the shop that ends by itself before that step, such as another company's
   * outage.
   */
  before?: Record<number, () => Promise<void> | void>;
  clean?: () => Promise<void>;
}

export interface TenthFault {
  title: string;
  /** Undefined if people notice the fault. */
  alert?: string;
  noticed: string;
  /** The page of the runbook, if no alert names it. */
  page?: string;
  prepare(scene: Scene): Promise<Prepared>;
  /**
   * The lines that the operator types, made from earlier outputs. `shows` is what the operator looks for in the output.
   */
  typed: { line: (seen: string[]) => string; shows: RegExp; mayFail?: true }[];
  /** Why this machine can't try it. */
  impossible?: () => string | undefined;
}

const firstWord = (text: string | undefined) => /^\S+/.exec(text ?? '')?.[0] ?? '';

export const faults: TenthFault[] = [
  {
    title: 'A poison mail',
    alert: 'DeadLetters',
    noticed: 'A confirmation goes to an address that its server refuses for good.',
    async prepare({ mail, order }) {
      mail.setFate('poison@example.com', 'refuses for good');
      await order('poison@example.com', 'demo');
      return {};
    },
    typed: [
      { line: () => 'ops jobs groups --state dead', shows: /550/ },
      { line: () => 'ops jobs list --state dead', shows: /given up/ },
      { line: (seen) => `ops jobs show ${firstWord(seen[1])}`, shows: /no such mailbox/ },
      { line: (seen) => `ops jobs drop --group ${firstWord(seen[0])} --error 550 --yes`, shows: /1 job/ },
      { line: () => 'ops jobs groups --state dead', shows: /Nothing has failed/ },
    ],
  },
  {
    title: 'A payment provider hangs',
    alert: 'PaymentsUnclear',
    noticed:
      'The provider takes a request and answers nothing. Staff name the order, which they see at /staff/payments.',
    async prepare({ stripe, order }) {
      let release: () => void = () => undefined;
      stripe.gate = new Promise((resolve) => {
        release = resolve;
      });
      const number = await order('hung@example.com', 'stripe');
      return {
        environment: { ORDER: number },
        // The provider's status page says that it answers again.
        before: {
          2: () => {
            stripe.gate = undefined;
            release();
          },
        },
      };
    },
    typed: [
      { line: () => 'ops jobs list --about "$ORDER" --kind settle-payment', shows: /settle-payment/ },
      { line: () => 'ops jobs trace "$ORDER"', shows: /payment begun with stripe/ },
      { line: () => 'ops jobs retry --about "$ORDER" --kind settle-payment --yes', shows: /job/ },
      { line: () => 'sleep 5; ops jobs trace "$ORDER"', shows: /settle-payment/ },
    ],
  },
  {
    title: 'An edge is dead',
    alert: 'PurgesUnconfirmed',
    noticed: 'The edge was killed; then staff changed a price.',
    async prepare({ edge, query }) {
      edge.kill();
      await query(`
        with changed as (update products set version = version + 1 where id = (select min(id) from products) returning id, version)
        insert into outbox (kind, payload, cause) select 'invalidate',
          jsonb_build_object('tags', jsonb_build_object('product:' || id, version)), 'PATCH /api/staff/products/' || id from changed`);
      return {};
    },
    typed: [
      { line: () => 'ops jobs list --kind invalidate --state done --limit 1', shows: /invalidate/ },
      { line: (seen) => `ops jobs trace ${firstWord(seen[0])}`, shows: /silent/ },
      { line: () => 'curl -sS -m 3 "$EDGE/.edge/livez"', shows: /connect|refused/i, mayFail: true },
      { line: () => 'node edge/main.ts >/dev/null 2>&1 & echo "started $!"; sleep 4', shows: /started/ },
      { line: () => 'curl -sS -i -m 3 "$EDGE/.edge/livez" | head -1', shows: /200/ },
    ],
  },
  {
    title: 'A wrong Redis password',
    alert: 'StoreDown',
    noticed: 'Somebody gave Redis another password and told nobody.',
    async prepare({ shop }) {
      const redis = new Redis(shop.redisUrl);
      await redis.config('SET', 'requirepass', 'rotated-by-somebody');
      await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      redis.disconnect();
      const { password, port } = new URL(shop.redisUrl);
      return {
        environment: {
          REDIS_PORT: port,
          OLD_PASSWORD: decodeURIComponent(password),
          NEW_PASSWORD: 'rotated-by-somebody',
        },
      };
    },
    typed: [
      { line: () => 'ops db status', shows: /up to date/ },
      { line: () => 'ops jobs status', shows: /password refused/, mayFail: true },
      {
        line: () =>
          'redis-cli -p "$REDIS_PORT" --no-auth-warning -a "$NEW_PASSWORD" config set requirepass "$OLD_PASSWORD"',
        shows: /OK/,
      },
      { line: () => 'ops jobs status', shows: /outbox: / },
    ],
  },
  {
    title: 'A kind runs away',
    alert: 'JobsLate',
    noticed: 'A loop in an integration orders 4,000 mails to one address.',
    async prepare({ mail, query }) {
      mail.setFate('loop@bulk.example', 'delays');
      await query(
        `with rows as (
          insert into outbox (kind, payload, committed_at, due_at)
          select 'mail', '{"to":"loop@bulk.example","template":"password-reset","data":{"token":"none","siteUrl":"http://localhost"}}',
            now() - interval '2 minutes', now() - interval '2 minutes' from generate_series(1, 4000) returning id)
        insert into job_subjects (subject, job_id)
        select 'mail:' || left(encode(sha256('loop@bulk.example'::bytea), 'hex'), 32), id from rows`,
      );
      return {};
    },
    typed: [
      { line: () => 'ops jobs status', shows: /oldest waits/ },
      { line: () => 'ops jobs pause mail', shows: /pause/ },
      { line: () => 'ops jobs list --state due --kind mail --limit 2', shows: /mail/ },
      { line: (seen) => `ops jobs show ${firstWord(seen[2])}`, shows: /loop@bulk/ },
      { line: () => 'ops jobs drop --about loop@bulk.example --state due --dry-run', shows: /\d{3,} jobs/ },
      { line: () => 'ops jobs drop --about loop@bulk.example --state due --yes', shows: /\d{3,} jobs/ },
      { line: () => 'ops jobs resume mail', shows: /mail/ },
      { line: () => 'ops jobs status', shows: /oldest waits/ },
    ],
  },
  {
    title: 'A certificate has expired',
    alert: 'CertificateExpired',
    noticed: 'Nobody renewed it; browsers refuse the shop.',
    async prepare({ certificate }) {
      certificate.expire();
      return { environment: certificate.environment };
    },
    typed: [
      {
        line: () =>
          'openssl s_client -connect "$HOST_AND_PORT" </dev/null 2>/dev/null | openssl x509 -noout -subject -enddate',
        shows: /notAfter/,
      },
      {
        line: () =>
          'openssl x509 -req -in "$TLS/tls.csr" -signkey "$TLS/tls.key" -days 90 -out "$TLS/tls.crt" && kill -HUP "$BALANCER_PID"',
        shows: /ok/,
      },
      {
        line: () =>
          'openssl s_client -connect "$HOST_AND_PORT" </dev/null 2>/dev/null | openssl x509 -noout -enddate',
        shows: /notAfter/,
      },
    ],
  },
  {
    title: 'A migration is stuck',
    alert: 'MigrationsMissing',
    noticed: 'A deploy wants to migrate; a session that somebody forgot holds the tables.',
    async prepare({ query, shop, environment }) {
      await query('create database half_deployed');
      const url = new URL(shop.databaseUrl);
      url.pathname = '/half_deployed';
      const [port, own] = [await findFreePort(), { ...environment, DATABASE_URL: url.href }];
      const { missing } = JSON.parse((await type('ops db status --json', own)).output) as {
        missing: string[];
      };
      await type(`ops db migrate --until ${missing.at(-2)}`, own);
      const holder = await holdTables(url.href);
      // Starts the worker of the new release.
      const worker = spawn(process.execPath, ['worker/main.ts'], {
        env: { ...own, WORKER_PORT: String(port), PORT: String(port) },
        stdio: 'ignore',
      });
      return {
        environment: { DATABASE_URL: url.href },
        figures: async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text(),
        async clean() {
          worker.kill('SIGKILL');
          await holder.end().catch(() => undefined);
          await query('drop database half_deployed with (force)');
        },
      };
    },
    typed: [
      { line: () => 'ops db status', shows: /not up to date/, mayFail: true },
      { line: () => 'ops db migrate', shows: /lock|timeout|Cannot/i, mayFail: true },
      {
        line: () =>
          `psql "$DATABASE_URL" -Atc "select pid, application_name, state, left(query, 40) from pg_stat_activity where datname = current_database() and xact_start < now() order by xact_start"`,
        shows: /report of last night/,
      },
      {
        line: (seen) =>
          `psql "$DATABASE_URL" -Atc "select pg_terminate_backend(${/^(\d+)\|report/m.exec(seen[2] ?? '')?.[1]})"`,
        shows: /t/,
      },
      { line: () => 'ops db migrate', shows: /Applied/ },
      { line: () => 'ops db status', shows: /is up to date/ },
    ],
  },
  {
    title: 'A disk is full',
    alert: 'DiskNearlyFull',
    noticed: 'An export that runs every minute has filled the disk to the last byte.',
    impossible: whyNoSmallDisk,
    async prepare({ shop }) {
      const folder = join(shop.folder, 'exports');
      await mkdir(folder);
      for (let number = 1; await fill(join(folder, `products-${number}.csv`)); number++);
      return { environment: { DATA_DIR: shop.folder } };
    },
    typed: [
      { line: () => 'df -h "$DATA_DIR"', shows: /100%/ },
      { line: () => 'cd "$DATA_DIR" && du -xh --max-depth=1 . | sort -h | tail -4', shows: /exports/ },
      { line: () => 'rm -r "$DATA_DIR/exports" && df -h "$DATA_DIR"', shows: /%/ },
      { line: () => 'sleep 5; ops db status', shows: /is up to date/ },
      { line: () => 'ops jobs status', shows: /outbox: / },
    ],
  },
  {
    title: 'A restore is needed',
    noticed:
      'Staff: "Every product costs one cent!" A script of ours set all prices an hour after the last backup.',
    page: 'a-backup-must-be-restored',
    async prepare({ shop, query }) {
      await promisify(execFile)(process.execPath, ['ops-scripts/main.ts', 'backup', 'create'], {
        env: shop.environment,
      });
      await query('update products set price_amount = 1, version = version + 1');
      return {};
    },
    typed: [
      { line: () => 'curl -s "$SHOP/api/products?limit=1" | head -c 250', shows: /items/ },
      { line: () => 'ops backup list', shows: /\.backup/ },
      { line: () => 'ops backup verify', shows: /can be restored/ },
      { line: () => 'ops backup restore --yes', shows: /Restored/ },
      {
        line: () => `psql "$DATABASE_URL" -Atc "select count(*) from products where price_amount = 1"`,
        shows: /^0$/,
      },
    ],
  },
];

const largestDisk = 4e9;

/** A disk that other programs use is not filled. */
function whyNoSmallDisk(): string | undefined {
  const { blocks, bsize } = statfsSync(tmpdir());
  if (blocks * bsize < largestDisk) return undefined;
  return 'TMPDIR has to name a small disk of its own, such as a tmpfs';
}

/** Holds tables locked in a transaction that somebody forgot. */
async function holdTables(url: string): Promise<pg.Client> {
  const holder = new pg.Client({ connectionString: url, application_name: 'report of last night' });
  holder.on('error', () => undefined);
  await holder.connect();
  const { rows } = await holder.query<{ name: string }>(
    `select quote_ident(relname) as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' and relname not like 'kysely%'`,
  );
  await holder.query('begin');
  await holder.query(`lock table ${rows.map(({ name }) => name).join(', ')} in row exclusive mode`);
  return holder;
}

/** @returns whether there is room for more */
async function fill(path: string): Promise<boolean> {
  const file = await open(path, 'w');
  try {
    let piece = Buffer.alloc(1 << 22);
    for (let written = 0; written < 1 << 26; ) {
      try {
        written += (await file.write(piece)).bytesWritten;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        if (piece.length === 1) return false;
        piece = piece.subarray(0, piece.length >> 2 || 1);
      }
    }
    return true;
  } finally {
    await file.close();
  }
}
