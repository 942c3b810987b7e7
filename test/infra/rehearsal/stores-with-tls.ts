// Postgres and Redis as on RDS and ElastiCache: with TLS, their own names, and an owner who is not a superuser.
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres, withPostgres } from '../../../ops-scripts/local/postgres.ts';
import { unprivilegedUser } from '../../../ops-scripts/local/postgres-folder.ts';
import { startRedisServer } from '../../../ops-scripts/local/redis.ts';

export interface Certificates {
  authority: string;
  cert: string;
  key: string;
  folder: string;
}

/** Makes an authority, and one certificate for all names. */
export function makeCertificates(folder: string, names: string[]): Certificates {
  mkdirSync(folder, { recursive: true });
  const run = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'ignore' });
  const newKey = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  run(...newKey, '-days', '2', '-subj', '/CN=rehearsal', '-keyout', 'authority.key', '-out', 'authority.pem');
  const alternatives = names.map((name) => `DNS:${name}`).join(',');
  run(
    ...[...newKey, '-days', '2', '-subj', '/CN=a part', '-addext', `subjectAltName=${alternatives}`],
    ...['-CA', 'authority.pem', '-CAkey', 'authority.key', '-keyout', 'part.key', '-out', 'part.pem'],
  );
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  const user = unprivilegedUser();
  if (user !== undefined) chownSync(join(folder, 'part.key'), user.uid, user.gid);
  chmodSync(join(folder, 'part.key'), 0o600);
  chmodSync(folder, 0o755);
  return { authority: read('authority.pem'), cert: read('part.pem'), key: read('part.key'), folder };
}

/** @returns the superuser's address, which only works on this machine */
export async function startDatabase(
  folder: string,
  { folder: certificates }: Certificates,
  ownerPassword: string,
): Promise<string> {
  const access = join(certificates, 'access.conf');
  writeFileSync(
    access,
    'host all all 127.0.0.1/32 scram-sha-256\nhostssl all all 0.0.0.0/0 scram-sha-256\n',
    { mode: 0o644 },
  );
  const { url } = await startPostgres({
    folder: join(folder, 'database'),
    password: 'of-the-superuser',
    logFile: join(folder, 'database.log'),
    port: 5432,
    settings: {
      listen_addresses: '*',
      ssl: 'on',
      ssl_cert_file: join(certificates, 'part.pem'),
      ssl_key_file: join(certificates, 'part.key'),
      hba_file: access,
      fsync: 'off',
    },
  });
  // The first user has the name that the stack gives to the owner. On RDS the owner is not a superuser.
  await withPostgres(url, (client) => client.query("create role rds superuser login password 'of-rds'"));
  const superuser = Object.assign(new URL(url), { username: 'rds', password: 'of-rds' }).href;
  await withPostgres(superuser, async (client) => {
    await client.query('alter role myclothes rename to the_first');
    await client.query(`create role myclothes login createrole createdb password '${ownerPassword}'`);
    await client.query('alter database myclothes owner to myclothes');
  });
  return superuser;
}

export async function startCache(
  folder: string,
  { folder: certificates }: Certificates,
  token: string,
): Promise<void> {
  await startRedisServer({
    folder: join(folder, 'cache'),
    password: token,
    logFile: join(folder, 'cache.log'),
    toolsFolder: join(folder, 'tools'),
    port: 6380,
    settings: {
      bind: '0.0.0.0',
      'tls-port': '6379',
      'tls-cert-file': join(certificates, 'part.pem'),
      'tls-key-file': join(certificates, 'part.key'),
      'tls-ca-cert-file': join(certificates, 'authority.pem'),
      'tls-auth-clients': 'no',
    },
  });
}
