// Runs one Postgres server of the region.
// A member has a folder and a port, the server that it follows, and its health checks' connection.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { StoreServer } from '../local/part.ts';
import { startPostgres, startPostgresServer } from '../local/postgres.ts';
import { postgresUser } from '../local/postgres-folder.ts';
import { endProcessesIn } from '../local/processes.ts';
import { copyDataFolder, writeOwned } from './copy-data-folder.ts';

export interface PostgresMember {
  name: string;
  zone: string;
  port: number;
  folder: string;
  logFile: string;
  password: string;
  /** Its own address, whatever its role. */
  url: string;
  /** The running process, or the last one. */
  server: StoreServer | undefined;
  health: HealthLine;
}

type MemberPlace = Omit<PostgresMember, 'url' | 'server' | 'health'>;

const settings: Record<string, string> = {
  wal_level: 'replica',
  hot_standby: 'on',
  max_wal_senders: '10',
  // The log that a standby may miss while it is rebuilt or frozen. If it misses more, it is copied anew.
  wal_keep_size: '256MB',
  max_slot_wal_keep_size: '256MB',
  max_wal_size: '512MB',
  wal_sender_timeout: '5s',
  wal_receiver_timeout: '5s',
  wal_receiver_status_interval: '1s',
  wal_retrieve_retry_interval: '200ms',
  // A query on a replica is cancelled rather than delay replay.
  max_standby_streaming_delay: '2s',
  shared_buffers: '64MB',
};

export function describeMember(place: MemberPlace): PostgresMember {
  const { port, password } = place;
  const url = `postgres://${postgresUser}:${password}@127.0.0.1:${port}/myclothes`;
  return { ...place, url, server: undefined, health: createHealthLine(url) };
}

/** Creates the first primary on an empty folder. */
export async function createPrimary(member: PostgresMember, signal?: AbortSignal): Promise<void> {
  mkdirSync(join(member.folder, '..'), { recursive: true });
  member.server = await startPostgres({ ...member, settings, signal });
}

/** Starts the server on its data: a primary, or a standby if it was made one. */
export async function startMember(member: PostgresMember, signal?: AbortSignal): Promise<void> {
  member.server = await startPostgresServer({ ...member, settings, deadlineMs: 25_000, signal });
}

/** Copies the primary's folder, and makes the copy follow `upstream`, which is the primary or its standby. */
export async function cloneMember(
  member: PostgresMember,
  primary: PostgresMember,
  upstream: PostgresMember,
): Promise<void> {
  await fenceMember(member);
  await copyDataFolder({ sourceUrl: primary.url, sourceFolder: primary.folder, targetFolder: member.folder });
  await writeOwned(join(member.folder, 'standby.signal'), '');
  await writeSettings(member, { primary_conninfo: connectionTo(upstream, member) });
}

/** Makes a running standby follow another server. */
export async function follow(member: PostgresMember, upstream: PostgresMember): Promise<void> {
  await writeSettings(member, { primary_conninfo: connectionTo(upstream, member) });
  reload(member);
}

/** @param standby undefined: the primary waits for nobody */
export async function setSynchronousStandby(
  primary: PostgresMember,
  standby: PostgresMember | undefined,
): Promise<void> {
  const names = standby === undefined ? '' : `ANY 1 (${applicationName(standby)})`;
  await writeSettings(primary, { synchronous_standby_names: names });
  reload(primary);
}

/** Kills the postmaster and all of its processes, so that none can acknowledge a write once this resolves. */
export async function fenceMember(member: PostgresMember): Promise<void> {
  if (member.server !== undefined && !member.server.hasExited()) {
    process.kill(member.server.pid, 'SIGKILL');
    await member.server.exited;
  }
  await endProcessesIn(member.folder);
  member.health.close();
}

/** The name of a standby at the server that it follows. */
export function applicationName(member: PostgresMember): string {
  return member.name.replaceAll('-', '_');
}

function connectionTo(upstream: PostgresMember, member: PostgresMember): string {
  return [
    `host=127.0.0.1 port=${upstream.port}`,
    `user=${postgresUser} password=${upstream.password}`,
    `application_name=${applicationName(member)} connect_timeout=3`,
  ].join(' ');
}

/**
 * Writes settings into a file of the data folder. They include a password, and they change while the server runs, so
 * they are not on the command line.
 */
async function writeSettings(member: PostgresMember, values: Record<string, string>): Promise<void> {
  const lines = Object.entries(values).map(([name, value]) => `${name} = '${value}'\n`);
  await writeOwned(join(member.folder, 'postgresql.auto.conf'), lines.join(''));
}

function reload(member: PostgresMember): void {
  if (member.server !== undefined && !member.server.hasExited()) process.kill(member.server.pid, 'SIGHUP');
}

/**
 * A persistent connection for a server's health checks. It needs no fork and no password hash for each check, so it
 * also answers on a busy machine. The next check reopens a broken one.
 */
interface HealthLine {
  /** @throws if there is no answer within a second */
  ask<Row>(sql: string): Promise<Row[]>;
  close(): void;
}

const questionMs = 1_000;

function createHealthLine(url: string): HealthLine {
  let line: Promise<pg.Client> | undefined;
  const hangUp = (ended: Promise<pg.Client> | undefined) => {
    if (line === ended) line = undefined;
    ended?.then(
      (client) => client.end().catch(() => undefined),
      () => undefined,
    );
  };
  const open = (): Promise<pg.Client> => {
    const client = new pg.Client({
      connectionString: url,
      application_name: 'region-health',
      connectionTimeoutMillis: questionMs,
      query_timeout: questionMs,
    });
    const opening = client.connect().then(() => client);
    client.on('error', () => hangUp(opening));
    return opening;
  };
  return {
    async ask<Row>(sql: string) {
      line ??= open();
      const mine = line;
      try {
        return (await (await mine).query(sql)).rows as Row[];
      } catch (error) {
        hangUp(mine);
        throw error;
      }
    },
    close: () => hangUp(line),
  };
}
