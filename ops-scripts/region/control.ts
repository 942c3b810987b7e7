// Serves the region's control API, on the loopback address with a token: metrics, parts and faults.
// Also takes the region's Postgres back in time.

import { execFile } from 'node:child_process';
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { restore } from '../backup/restore.ts';
import { withPostgres } from '../local/postgres.ts';
import { copyDataFolder, writeOwned } from './copy-data-folder.ts';
import type { RestartChange } from './fleet.ts';
import { isInRecovery } from './postgres-health.ts';
import { createPrimary, type PostgresMember, startMember } from './postgres-member.ts';
import type { Region } from './region.ts';

export interface ControlServer {
  url: string;
  /** The token in the header `Authorization: Bearer <token>`. */
  token: string;
  close(): void;
}

/**
 * `GET /metrics`, `GET /targets` (for Prometheus), `GET /parts`, `GET /endpoints`.
 * For origins, workers and edge: `POST /parts/:name/stop` (drains it, and it stays stopped), `POST /parts/:name/start`,
 * and `POST /parts/:name/replace` (drains and starts it again). The last two take `{ "env", "releaseFolder" }`: further
 * settings, and the folder of its release.
 * `POST /postgres/backup` `{ "folder" }` copies the primary's data and log there. `POST /postgres/restore` takes that
 * `{ "folder" }`, or `{ "file", "key" }` of a dump. Each answers when it is done.
 */
export async function openControl(region: Region): Promise<ControlServer> {
  const token = randomBytes(18).toString('base64url');
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: unknown) => {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      response.writeHead(status, {
        'content-type': typeof body === 'string' ? 'text/plain' : 'application/json',
      });
      response.end(text);
    };
    try {
      if (!bears(request, token)) return answer(401, 'Say who you are: Authorization: Bearer <token>\n');
      const [status, body] = await obey(region, request);
      answer(status, body);
    } catch (error) {
      answer(400, `${error instanceof Error ? error.message : error}\n`);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    token,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function obey(region: Region, request: IncomingMessage): Promise<[number, unknown]> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  if (request.method === 'GET' && pathname === '/metrics') return [200, renderMetrics(region)];
  if (request.method === 'GET' && pathname === '/targets') return [200, region.targets()];
  if (request.method === 'GET' && pathname === '/parts') return [200, region.parts()];
  if (request.method === 'GET' && pathname === '/endpoints') return [200, region.endpoints];
  if (request.method === 'POST' && pathname === '/postgres/backup') {
    const { folder = '' } = await readBody<{ folder?: string }>(request);
    await takeBaseBackup(region.stores.postgres.topology().primary, folder);
    return [200, region.parts()];
  }
  if (request.method === 'POST' && pathname === '/postgres/restore') {
    const { folder = '', file = '', key = '' } = await readBody<Record<string, string>>(request);
    await region.stores.postgres.restore((primary) =>
      file === '' ? restoreBaseBackup(primary, folder) : restoreDump(primary, { file, key }),
    );
    return [200, region.parts()];
  }
  const [, name, order] = /^\/parts\/([\w-]+)\/(stop|start|replace)$/.exec(pathname) ?? [];
  if (request.method !== 'POST' || name === undefined) return [404, 'No such order\n'];
  if (!region.fleet.has(name)) return [404, `No origin, worker or edge is called ${name}\n`];
  const change = await readBody<RestartChange>(request);
  if (order !== 'start') await region.fleet.stop(name);
  if (order !== 'stop') await region.fleet.start(name, change);
  return [200, region.parts()];
}

function renderMetrics(region: Region): string {
  const { stores } = region;
  return [
    '# HELP postgres_standby_in_sync Whether the standby holds every acknowledged write (1) or writes do not wait for it (0)',
    '# TYPE postgres_standby_in_sync gauge',
    `postgres_standby_in_sync ${Number(stores.postgres.standbyInSync())}`,
    '# HELP redis_replica_in_sync Whether the replica follows the primary',
    '# TYPE redis_replica_in_sync gauge',
    `redis_replica_in_sync ${Number(stores.redis.replicaInSync())}`,
    '# HELP region_part_up Whether a process stands for the part',
    '# TYPE region_part_up gauge',
    ...region.parts().map(({ name, kind }) => `region_part_up{part="${name}",kind="${kind}"} 1`),
    '',
  ].join('\n');
}

async function readBody<Body>(request: IncomingMessage): Promise<Body> {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > 10_000) throw new Error('The body is too long');
  }
  return JSON.parse(text === '' ? '{}' : text);
}

function bears(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const run = promisify(execFile);
/** The name of a backup's moment in the log. */
const restorePoint = 'backup';
const recoverMs = 60_000;

/** Copies the data, and the log up to the moment at which this resolves. @param folder emptied first */
async function takeBaseBackup(primary: PostgresMember, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await copyDataFolder({
    sourceUrl: primary.url,
    sourceFolder: primary.folder,
    targetFolder: join(folder, 'data'),
  });
  await withPostgres(primary.url, async (client) => {
    await client.query(`select pg_create_restore_point('${restorePoint}')`);
    await client.query('select pg_switch_wal()');
  });
  const log = join(primary.folder, 'pg_wal');
  // Only whole segments and timeline histories; other files come and go. Owner and modes stay as they are.
  const files = (await readdir(log)).filter((name) => /^([0-9A-F]{24}|[0-9A-F]{8}\.history)$/.test(name));
  await mkdir(join(folder, 'log'));
  await run('cp', ['-a', ...files.map((name) => join(log, name)), join(folder, 'log')]);
}

/** The member's server has ended. It is a primary again, on a new timeline, when this resolves. */
async function restoreBaseBackup(member: PostgresMember, folder: string): Promise<void> {
  await rm(member.folder, { recursive: true, force: true });
  await run('cp', ['-a', join(folder, 'data'), member.folder]);
  const log = join(folder, 'log');
  const files = (await readdir(log)).map((name) => join(log, name));
  await run('cp', ['-a', ...files, join(member.folder, 'pg_wal')]);
  await writeOwned(join(member.folder, 'recovery.signal'), '');
  const settings = [
    // The log that it needs is in its folder already.
    "restore_command = '/bin/false'",
    `recovery_target_name = '${restorePoint}'`,
    "recovery_target_action = 'promote'",
  ];
  await writeOwned(join(member.folder, 'postgresql.auto.conf'), `${settings.join('\n')}\n`);
  await startMember(member);
  for (const until = performance.now() + recoverMs; (await isInRecovery(member)) !== false; await sleep(100))
    if (performance.now() > until) throw new Error(`Cannot restore ${member.name}: it stays in recovery`);
  await writeOwned(join(member.folder, 'postgresql.auto.conf'), '');
}

/**
 * Loads a dump into the member, whose server must have ended. @param dump a file that `ops backup create` wrote, and
 * its key
 */
async function restoreDump(member: PostgresMember, dump: { file: string; key: string }): Promise<void> {
  await rm(member.folder, { recursive: true, force: true });
  await createPrimary(member);
  await restore(member.url, dump.file, { key: dump.key });
}
