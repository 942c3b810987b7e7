// Reads and begins the lineage of the database, which names its history.
// A restore begins a new one; caches then forget what they learnt in another one.
import { sql } from 'kysely';
import type { DbOrTx } from '../schema.ts';
import type { Probe } from './replicas/wal-position.ts';

/** The primary's history at one moment. */
export interface DatabaseHistory {
  /** The lineage's name. */
  value: string;
  /** Number of lineages before this one. */
  ordinal: number;
  /** Identifies the cluster of data folders that copy one another; empty where this role may not read it. */
  systemIdentifier: string;
  timeline: number;
  /**
   * Everything that anybody can have read lies at or before this position, also on the standby that would take over.
   */
  lsn: bigint;
  /** Earlier timelines, each with the position where it ended; undefined where this role may not read them. */
  history: string | undefined;
}

export interface AskedHistory extends DatabaseHistory {
  /** False: a restore put the row there. */
  isOwn: boolean;
  /** Timeline on which the lineage began. */
  begunTimeline: number | undefined;
}

/**
 * Others see a commit once a synchronous standby has it. Log beyond that may be lost in a failover that loses no
 * commit.
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
/** The queries ask for less and less, because not every role may read everything. */
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

/** @returns a function that asks the primary; it throws where the primary does not answer or is a replica */
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
  // The first timeline has no history file. On later ones, a missing file leaves their past unknown.
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
 * Whether data that was read up to `before` may be missing from the database at `now`. Returns true in doubt; caches
 * are then filled again. Positions of two clusters cannot be compared, but their lineages differ.
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

/** Parses a timeline history file: lines of `1<tab>0/3000148<tab>reason`, oldest first. */
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

/** A restore runs this in the transaction that writes the old rows. It uses no column that is new in this release. */
export const beginLineageSql = `
  update database_lineage
  set value = left(replace(gen_random_uuid()::text, '-', ''), 12), begun_at = clock_timestamp() returning value`;

interface LineageWish {
  /** Does nothing if the lineage is no longer this one. */
  unlessChangedFrom?: string;
  /** Highest ordinal of a lineage that is known anywhere. */
  after?: number;
}

/** Begins a new lineage, so that all names that contain the lineage change. @returns the present lineage */
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

/** Records the cluster, transaction and timeline in which the lineage began. */
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

/** More ids than one lineage gives of any kind, and more than one restore loses. */
const idsOfLineage = 1_000_000_000;
const lostIds = 1_000_000;

/** Raises sequences past ids that were given and lost, because a cookie or a mail may still name them. */
async function passOverLostIds(db: DbOrTx, ordinal: number): Promise<void> {
  await sql`
    select setval(format('%I.%I', schemaname, sequencename)::regclass,
      greatest(coalesce(last_value, start_value) + ${lostIds}::bigint, ${ordinal * idsOfLineage}::bigint))
    from pg_sequences where schemaname = 'public' and data_type = 'bigint'::regtype
      and has_sequence_privilege(format('%I.%I', schemaname, sequencename), 'update')`.execute(db);
  // Other systems know the lost positions and continue after them.
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
