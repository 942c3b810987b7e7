// One Postgres server of the region: its fixed folder and port, the server that it follows, and its health checks'
// connection.
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
  /** The process that stands, or stood last. */
  server: StoreServer | undefined;
  health: HealthLine;
}

type MemberPlace = Omit<PostgresMember, 'url' | 'server' | 'health'>;

const settings: Record<string, string> = {
  wal_level: 'replica',
  hot_standby: 'on',
  max_wal_senders: '10',
  // What a standby may miss while it is rebuilt or frozen; past that it is copied anew.
  wal_keep_size: '256MB',
  max_slot_wal_keep_size: '256MB',
  max_wal_size: '512MB',
  wal_sender_timeout: '5s',
  wal_receiver_timeout: '5s',
  wal_receiver_status_interval: '1s',
  wal_retrieve_retry_interval: '200ms',
  // A query on a replica gives way rather than hold up what is replayed.
  max_standby_streaming_delay: '2s',
  shared_buffers: '64MB',
};

export function describeMember(place: MemberPlace): PostgresMember {
  const { port, password } = place;
  const url = `postgres://${postgresUser}:${password}@127.0.0.1:${port}/myclothes`;
  return { ...place, url, server: undefined, health: createHealthLine(url) };
}

/** The first primary, on an empty folder. */
export async function createPrimary(member: PostgresMember, signal?: AbortSignal): Promise<void> {
  mkdirSync(join(member.folder, '..'), { recursive: true });
  member.server = await startPostgres({ ...member, settings, signal });
}

/** On the data that is there: a primary, or a standby if it was made one. */
export async function startMember(member: PostgresMember, signal?: AbortSignal): Promise<void> {
  member.server = await startPostgresServer({ ...member, settings, deadlineMs: 25_000, signal });
}

/** Copies the primary's folder and makes the copy follow `upstream`, the primary itself or its standby. */
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

/** Makes a standby that runs follow another server. */
export async function follow(member: PostgresMember, upstream: PostgresMember): Promise<void> {
  await writeSettings(member, { primary_conninfo: connectionTo(upstream, member) });
  reload(member);
}

/** @param standby undefined: nobody is waited for. */
export async function setSynchronousStandby(
  primary: PostgresMember,
  standby: PostgresMember | undefined,
): Promise<void> {
  const names = standby === undefined ? '' : `ANY 1 (${applicationName(standby)})`;
  await writeSettings(primary, { synchronous_standby_names: names });
  reload(primary);
}

/** Dead when this returns: the postmaster and every process of its own, so that none can still acknowledge a write. */
export async function fenceMember(member: PostgresMember): Promise<void> {
  if (member.server !== undefined && !member.server.hasExited()) {
    process.kill(member.server.pid, 'SIGKILL');
    await member.server.exited;
  }
  await endProcessesIn(member.folder);
  member.health.close();
}

/** How a standby calls itself to the server that it follows. */
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

/** In a file of the data folder, not on the command line: it bears a password, and it changes while the server runs. */
async function writeSettings(member: PostgresMember, values: Record<string, string>): Promise<void> {
  const lines = Object.entries(values).map(([name, value]) => `${name} = '${value}'\n`);
  await writeOwned(join(member.folder, 'postgresql.auto.conf'), lines.join(''));
}

function reload(member: PostgresMember): void {
  if (member.server !== undefined && !member.server.hasExited()) process.kill(member.server.pid, 'SIGHUP');
}

/**
 * A persistent connection for a server's health checks, without a fork or a password hash for each. It
 * therefore answers on a busy machine too. A broken one is opened again by the next check.
 */
interface HealthLine {
  /** @throws where it is not answered within a second. */
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
