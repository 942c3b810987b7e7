// The lineage of the database: the name of its history. A restore begins a new one, and whoever keeps what it learnt in
// another one forgets it.
import { sql } from 'kysely';
import type { DbOrTx } from '../schema.ts';
import type { Probe } from './replicas/wal-position.ts';

/** What the primary says of its history at one moment. */
export interface DatabaseHistory {
  /** The lineage's name. */
  value: string;
  /** How many lineages came before it. */
  ordinal: number;
  /** Of the cluster of data folders that copy one another; empty where this user may not ask. */
  systemIdentifier: string;
  timeline: number;
  /** Everything that anybody may have read lies at or before it, also on the standby that would take over. */
  lsn: bigint;
  /** The timelines before this one, each with the position where it was left; undefined where this user may not ask. */
  history: string | undefined;
}

export interface AskedHistory extends DatabaseHistory {
  /** False: the row was put there by a restore. */
  isOwn: boolean;
  /** The timeline on which the lineage was begun. */
  begunTimeline: number | undefined;
}

/**
 * A commit is seen by others once a synchronous standby has it: what the primary has written beyond that may be lost in
 * a failover that loses nothing.
 */
const safeLsn = `
  select pg_wal_lsn_diff(least(pg_current_wal_flush_lsn(), coalesce(
    (select max(flush_lsn) from pg_stat_replication where sync_state in ('sync', 'quorum')),
    pg_current_wal_flush_lsn())), '0/0')::text`;

const historySql = (systemIdentifier: string, history: string) => `
  select l.value, l.ordinal, l.system_identifier, l.begun_in::text, l.xmin::text as written_in, l.begun_timeline,
    ${systemIdentifier} as identifier, now.timeline, (${safeLsn}) as lsn, ${history} as history
  from database_lineage l, (select substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) as timeline) now`;

const identifierSql = '(select system_identifier::text from pg_control_system())';
const historyFileSql = "pg_read_file('pg_wal/' || now.timeline || '.history', 0, 100000, true)";
/** Not every user may ask for everything. */
const questions = [
  { text: historySql(identifierSql, historyFileSql), asksIdentifier: true, asksHistory: true },
  { text: historySql(identifierSql, 'null'), asksIdentifier: true, asksHistory: false },
  { text: historySql("''", 'null'), asksIdentifier: false, asksHistory: false },
];
type Question = (typeof questions)[number];

interface HistoryRow {
  value: string;
  ordinal: number;
  system_identifier: string | null;
  begun_in: string | null;
  written_in: string;
  begun_timeline: number | null;
  identifier: string;
  timeline: string;
  lsn: string;
  history: string | null;
}

export type ReadHistory = () => Promise<AskedHistory>;

/** @returns how to ask the primary. It throws where the primary does not answer, or is a replica. */
export function createReadHistory(probe: Pick<Probe, 'ask'>): ReadHistory {
  let allowed = 0;
  return async () => {
    for (;;) {
      const question = questions[allowed]!;
      try {
        const [row] = await probe.ask(question.text);
        return parseHistory(row as HistoryRow | undefined, question);
      } catch (error) {
        if ((error as { code?: string }).code !== '42501' || allowed === questions.length - 1) throw error;
        allowed += 1;
      }
    }
  };
}

function parseHistory(row: HistoryRow | undefined, { asksIdentifier, asksHistory }: Question): AskedHistory {
  if (row === undefined) throw new Error('Cannot find the lineage of this database');
  const timeline = Number.parseInt(row.timeline, 16);
  // The first timeline has no file; of another one, a missing file leaves open how it began.
  const history = row.history ?? (timeline === 1 ? '' : undefined);
  return {
    value: row.value,
    ordinal: row.ordinal,
    systemIdentifier: row.identifier,
    timeline,
    lsn: BigInt(row.lsn),
    history: asksHistory ? history : undefined,
    isOwn: row.begun_in === row.written_in && (!asksIdentifier || row.system_identifier === row.identifier),
    begunTimeline: row.begun_timeline ?? undefined,
  };
}

/**
 * Whether what was learnt up to `before` may be gone from a database that is now at `now`. In doubt it says yes: then
 * caches are filled again. Two clusters cannot be compared by position; their lineages differ.
 */
export function hasGoneBack(before: DatabaseHistory, now: DatabaseHistory): boolean {
  if (before.systemIdentifier !== now.systemIdentifier) return false;
  if (before.timeline !== now.timeline) {
    const leftAt = now.history === undefined ? undefined : whereLeft(now.history, before.timeline);
    return leftAt === undefined || leftAt < before.lsn;
  }
  const hasOtherPast =
    before.history !== undefined && now.history !== undefined && before.history !== now.history;
  return hasOtherPast || now.lsn < before.lsn;
}

/** As a history file has it: `1<tab>0/3000148<tab>why`, a line each, the oldest first. */
function whereLeft(history: string, timeline: number): bigint | undefined {
  for (const line of history.split('\n')) {
    const match = /^\s*(\d+)\s+([0-9A-F]+)\/([0-9A-F]+)/i.exec(line);
    if (match !== null && Number(match[1]) === timeline)
      return (BigInt(`0x${match[2]}`) << 32n) + BigInt(`0x${match[3]}`);
  }
  return undefined;
}

export async function readLineage(db: DbOrTx): Promise<string> {
  const { rows } = await sql<{ value: string }>`select value from database_lineage`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error('Cannot find the lineage of this database');
  return row.value;
}

/** A restore runs it in the transaction that puts the old rows back; it needs no column of this release. */
export const beginLineageSql = `
  update database_lineage
  set value = left(replace(gen_random_uuid()::text, '-', ''), 12), begun_at = clock_timestamp() returning value`;

interface LineageWish {
  /** Nothing is done where the lineage is another one by now. */
  unlessChangedFrom?: string;
  /** The highest number of a lineage that anybody knows. */
  after?: number;
}

/** Everything that is named after the lineage is named anew from now on. @returns the present one */
export async function beginLineage(db: DbOrTx, wish: LineageWish = {}): Promise<string> {
  const begin = async (tx: DbOrTx) => {
    const { rows } = await sql<{ value: string; ordinal: number }>`
      select value, ordinal from database_lineage for update`.execute(tx);
    const [row] = rows;
    if (row === undefined) throw new Error('Cannot find the lineage of this database');
    if (wish.unlessChangedFrom !== undefined && row.value !== wish.unlessChangedFrom) return row.value;
    await sql.raw(beginLineageSql).execute(tx);
    const ordinal = Math.max(row.ordinal, wish.after ?? 0) + 1;
    await claimLineage(tx, ordinal);
    await passOverLostIds(tx, ordinal);
    return readLineage(tx);
  };
  return db.isTransaction ? begin(db) : db.transaction().execute(begin);
}

/** Notes that the lineage was begun here, in this transaction. */
export async function claimLineage(db: Pick<DbOrTx, 'getExecutor'>, ordinal: number): Promise<void> {
  const identifier = (await mayAskIdentifier(db))
    ? sql`(select system_identifier::text from pg_control_system())`
    : sql`''`;
  await sql`
    update database_lineage set ordinal = ${ordinal}, system_identifier = ${identifier},
      begun_in = (pg_current_xact_id()::text::numeric % 4294967296)::bigint,
      begun_timeline = ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer`.execute(
    db,
  );
}

/** More than a lineage gives of any kind, and more than anybody loses with one restore. */
const idsOfLineage = 1_000_000_000;
const lostIds = 1_000_000;

/** Ids that were given and lost are never given again: a cookie or a mail may still name them. */
async function passOverLostIds(db: DbOrTx, ordinal: number): Promise<void> {
  await sql`
    select setval(format('%I.%I', schemaname, sequencename)::regclass,
      greatest(coalesce(last_value, start_value) + ${lostIds}::bigint, ${ordinal * idsOfLineage}::bigint))
    from pg_sequences where schemaname = 'public' and data_type = 'bigint'::regtype
      and has_sequence_privilege(format('%I.%I', schemaname, sequencename), 'update')`.execute(db);
  // Other systems know the lost ones by their positions, and go on behind them.
  await sql`
    update shop_event_counter
    set last_position = greatest(last_position + ${lostIds}::bigint, ${ordinal * idsOfLineage}::bigint)`.execute(
    db,
  );
}

async function mayAskIdentifier(db: Pick<DbOrTx, 'getExecutor'>): Promise<boolean> {
  const { rows } = await sql<{ may: boolean }>`
    select has_function_privilege('pg_control_system()', 'execute') as may`.execute(db);
  return rows[0]!.may;
}
