// Health checks of a Postgres server, each with a deadline. No answer is a result too.
import { once } from 'node:events';
import { connect } from 'node:net';
import { withPostgres } from '../local/postgres.ts';
import { applicationName, type PostgresMember } from './postgres-member.ts';

const questionMs = 1_000;

// Asks whether the server speaks TLS. The server forks and answers one letter, without a password hash.
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/**
 * Whether the postmaster accepts new connections. The kernel accepts for a frozen one too, but then no answer comes.
 */
export async function answersConnections(member: PostgresMember): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port: member.port });
  try {
    const signal = AbortSignal.timeout(questionMs);
    await once(socket, 'connect', { signal });
    socket.write(sslRequest);
    await once(socket, 'data', { signal });
    return true;
  } catch {
    return false;
  } finally {
    socket.on('error', () => {});
    socket.destroy();
  }
}

export interface StandbyState {
  streaming: boolean;
  /** Whether the primary waits for it before it acknowledges. */
  synchronous: boolean;
  /** Bytes of log that it has not confirmed. */
  behindBytes: number;
  /** Milliseconds since its last status message to the primary; one comes each second. */
  silentMs: number;
}

/** Returns what a server knows about its followers. @returns undefined if it does not answer within 1 s */
export async function readFollowers(
  upstream: PostgresMember,
): Promise<Map<string, StandbyState> | undefined> {
  try {
    const rows = await upstream.health.ask<StandbyState & { name: string }>(followersSql);
    return new Map(rows.map((row) => [row.name, row]));
  } catch {
    return undefined;
  }
}

export async function readFollower(
  upstream: PostgresMember,
  standby: PostgresMember,
): Promise<StandbyState | undefined> {
  return (await readFollowers(upstream))?.get(applicationName(standby));
}

// If a standby has two sessions (an old one not yet noticed as gone), the order keeps the live one.
const followersSql = `
  select application_name as name, state = 'streaming' as streaming, sync_state in ('sync', 'quorum') as synchronous,
    pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_flush_lsn() end,
      coalesce(flush_lsn, '0/0'))::float8 as "behindBytes",
    coalesce(extract(epoch from clock_timestamp() - reply_time) * 1000, 0)::float8 as "silentMs"
  from pg_stat_replication order by reply_time nulls first`;

/** @returns undefined if it does not answer */
export async function isInRecovery(member: PostgresMember): Promise<boolean | undefined> {
  try {
    return (await member.health.ask<{ yes: boolean }>('select pg_is_in_recovery() as yes'))[0]?.yes;
  } catch {
    return undefined;
  }
}

/** Ends recovery, and returns when the server accepts writes. @throws if it does not within 20 s */
export async function promote(member: PostgresMember): Promise<void> {
  await withPostgres(
    member.url,
    async (client) => {
      const { rows } = await client.query('select pg_promote(true, 20) as promoted');
      if (rows[0].promoted !== true) throw new Error(`Cannot promote ${member.name}`);
    },
    25_000,
  );
}
