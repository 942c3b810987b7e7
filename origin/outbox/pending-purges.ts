// Stores in Postgres which worker may purge the edges, and the pending purges of each edge.
import { sql } from 'kysely';
import type { TagVersions } from '../../http/cache-tag.ts';
import type { Db } from '../schema.ts';

export type HeldPurger =
  /** `new`: another worker may have held the right until just now. */
  | { held: 'held' | 'new' }
  /** `right` changes each time that its holder renews it. */
  | { held: 'elsewhere'; right: string };

/**
 * Takes or renews the right to send purges, for `seconds`.
 * @param dead the right of a holder that did not renew it in time, by the caller's monotonic clock; it is taken over
 * even if the database's clock was set back
 */
export async function holdPurger(
  db: Db,
  holder: string,
  seconds: number,
  dead?: string,
): Promise<HeldPurger> {
  const { rows } = await sql<{ before: string | null }>`
    with previous as (select holder from edge_purger where only_row)
    insert into edge_purger (holder, held_until)
    values (${holder}, clock_timestamp() + make_interval(secs => ${seconds}))
    on conflict (only_row) do update set holder = excluded.holder, held_until = excluded.held_until
      where edge_purger.holder = excluded.holder or edge_purger.held_until < clock_timestamp()
        or edge_purger.holder || ' ' || edge_purger.held_until::text = ${dead ?? null}
    returning (select holder from previous) as before`.execute(db);
  const [row] = rows;
  if (row !== undefined) return { held: row.before === holder ? 'held' : 'new' };
  const { rows: others } = await sql<{ right: string }>`
    select holder || ' ' || held_until::text as right from edge_purger`.execute(db);
  return { held: 'elsewhere', right: others[0]?.right ?? '' };
}

export async function releasePurger(db: Db, holder: string): Promise<void> {
  await db.deleteFrom('edge_purger').where('holder', '=', holder).execute();
}

export async function addPendingPurges(db: Db, edgeUrl: string, tags: TagVersions): Promise<void> {
  const values = Object.entries(tags).map(([tag, version]) => ({ edge_url: edgeUrl, tag, version }));
  if (values.length === 0) return;
  await db
    .insertInto('edge_debts')
    .values(values)
    .onConflict((conflict) =>
      conflict
        .columns(['edge_url', 'tag'])
        .doUpdateSet({ version: sql`greatest(edge_debts.version, excluded.version)` }),
    )
    .execute();
}

/** @returns the pending purges of each of these edges */
export async function readPendingPurges(db: Db, edgeUrls: string[]): Promise<Map<string, TagVersions>> {
  const pending = new Map<string, TagVersions>(edgeUrls.map((url) => [url, {}]));
  const rows = await db
    .selectFrom('edge_debts')
    .select(['edge_url', 'tag', 'version'])
    .where('edge_url', 'in', edgeUrls)
    .execute();
  for (const { edge_url, tag, version } of rows) pending.get(edge_url)![tag] = version;
  return pending;
}

/** Clears only confirmed versions. A higher version that was added meanwhile stays. */
export async function clearPendingPurges(db: Db, edgeUrl: string, confirmed: TagVersions): Promise<void> {
  await sql`
    delete from edge_debts using unnest(${Object.keys(confirmed)}::text[], ${Object.values(confirmed)}::integer[]) as confirmed (tag, version)
    where edge_debts.edge_url = ${edgeUrl} and edge_debts.tag = confirmed.tag and edge_debts.version <= confirmed.version`.execute(
    db,
  );
}

/** Counting stops at so many rows. */
const mostCounted = 10_000;

/** @returns how many tags each edge has not confirmed; edges that have confirmed all are absent */
export async function countPendingPurges(db: Db): Promise<{ edgeUrl: string; tags: number }[]> {
  const { rows } = await sql<{ edgeUrl: string; tags: number }>`
    select edge_url as "edgeUrl", count(*)::integer as tags
    from (select edge_url from edge_debts limit ${mostCounted}) pending group by edge_url order by edge_url`.execute(
    db,
  );
  return rows;
}
