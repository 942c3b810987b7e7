// Keeps the log of floors for edges that ask for them, in Postgres, and the leases that were given to such edges.
// A lease is written before the log is read, and the log before the leases are: so whoever comes second sees the other.
import { sql } from 'kysely';
import type { TagVersions } from '../../http/cache-tag.ts';
import type { Db, DbOrTx } from '../schema.ts';

/** Rows that are kept. An edge that was away for more of them forgets all that it has instead. */
const mostKept = 100_000;
/** Beyond so many, further edges get no lease: they ask the origin for every page. */
const mostLeases = 5_000;

/** Writes floors behind all others. @returns the position of the last one */
export async function recordFloors(db: Db, tags: TagVersions): Promise<number> {
  const [names, versions] = [Object.keys(tags), Object.values(tags)];
  const { rows } = await sql<{ position: string }>`
    with head as (
      update edge_floor_head set position = position + ${names.length} returning position
    ), recorded as (
      insert into edge_floors (tag, version, position)
      select tag, version, head.position - ${names.length} + place
      from head, unnest(${names}::text[], ${versions}::integer[]) with ordinality as given (tag, version, place)
      on conflict (tag) do update
        set version = greatest(edge_floors.version, excluded.version), position = excluded.position
    )
    select position from head`.execute(db);
  return Number(rows[0]!.position);
}

export interface FloorsSince {
  tags: TagVersions;
  /** Up to where these are all; the head of the log unless there are more. */
  position: number;
  more: boolean;
  /** Whether floors since that position are not kept any more, or the log never was so long. */
  forgotten: boolean;
}

/** @param since undefined for an edge that has nothing yet: it needs no floors, only the head of the log */
export async function readFloorsSince(db: Db, since: number | undefined, most: number): Promise<FloorsSince> {
  // One statement, so that head and rows are of the same moment.
  const { rows } = await sql<{
    head: string;
    forgottenTo: string;
    tag: string | null;
    version: number;
    position: string;
  }>`
    select head.position as head, head.forgotten_to as "forgottenTo", found.tag, found.version, found.position
    from edge_floor_head head
    left join lateral (
      select tag, version, position from edge_floors
      where position > ${since ?? null}::bigint order by position limit ${most + 1}
    ) found on true
    order by found.position`.execute(db);
  const [first] = rows;
  if (first === undefined) throw new Error('Cannot find the head of the log of floors');
  const head = Number(first.head);
  if (since === undefined || since > head || since < Number(first.forgottenTo))
    return { tags: {}, position: head, more: false, forgotten: true };
  const found = rows.filter(({ tag }) => tag !== null).slice(0, most);
  const more = rows.length > most;
  const tags: TagVersions = Object.create(null);
  for (const { tag, version } of found) tags[tag!] = version;
  return { tags, position: more ? Number(found.at(-1)!.position) : head, more, forgotten: false };
}

export async function readHead(db: Db): Promise<number> {
  const { position } = await db.selectFrom('edge_floor_head').select('position').executeTakeFirstOrThrow();
  return Number(position);
}

interface AskingEdge {
  edge: string;
  name: string;
  leaseMs: number;
  /** Up to where it has raised its floors. */
  position: number;
}

/** Notes that an edge may hold a lease from now on. @returns false where too many do */
export async function noteLease(db: Db, { edge, name, leaseMs, position }: AskingEdge): Promise<boolean> {
  // A position beyond the head is of a log that was lost: it says nothing of this one.
  const { rows } = await sql`
    insert into edge_leases as held (edge, name, lease_ms, position)
    select ${edge}, ${name}, ${leaseMs}, case when head.position >= ${position} then ${position} else 0 end
    from edge_floor_head head
    where exists (select from edge_leases where edge = ${edge})
      or (select count(*) from edge_leases) < ${mostLeases}
    on conflict (edge) do update set
      name = excluded.name,
      lease_ms = greatest(held.lease_ms, excluded.lease_ms),
      position = greatest(held.position, excluded.position),
      ask = gen_random_uuid(),
      asked_at = clock_timestamp()
    returning edge`.execute(db);
  return rows.length > 0;
}

export interface EdgeLease {
  edge: string;
  name: string;
  leaseMs: number;
  position: number;
  /** Another one after each question. */
  ask: string;
}

/** @returns the leases of edges that have not raised their floors up to `position` */
export async function readLeases(db: Db, position: number): Promise<EdgeLease[]> {
  const rows = await db
    .selectFrom('edge_leases')
    .select(['edge', 'name', 'lease_ms', 'position', 'ask'])
    .where('position', '<', String(position))
    .execute();
  return rows.map(({ lease_ms, position: confirmed, ...row }) => ({
    ...row,
    leaseMs: lease_ms,
    position: Number(confirmed),
  }));
}

/** @param leases that have run out; those which were renewed meanwhile stay */
export async function forgetLeases(db: Db, leases: Pick<EdgeLease, 'edge' | 'ask'>[]): Promise<void> {
  if (leases.length === 0) return;
  await sql`
    delete from edge_leases using unnest(
      ${leases.map(({ edge }) => edge)}::uuid[], ${leases.map(({ ask }) => ask)}::uuid[]) as over (edge, ask)
    where edge_leases.edge = over.edge and edge_leases.ask = over.ask`.execute(db);
}

/** Forgets the oldest floors, and notes that they are. */
export async function pruneFloors(db: DbOrTx, kept = mostKept): Promise<void> {
  await sql`
    with head as (
      update edge_floor_head set forgotten_to = position - ${kept}
      where position - ${kept} > forgotten_to returning forgotten_to
    )
    delete from edge_floors using head where edge_floors.position <= head.forgotten_to`.execute(db);
}
