// What is kept about edges in Postgres: who may speak to them, and what a silent one has yet to hear.
import { sql } from 'kysely';
import type { Db } from '../postgres/database.ts';
import type { TagVersions } from './events.ts';

/**
 * Takes or renews the right to send purges, for `seconds`.
 * @returns `new` where somebody else may have held it until just now
 */
export async function holdPurger(
  db: Db,
  holder: string,
  seconds: number,
): Promise<'held' | 'new' | 'elsewhere'> {
  const { rows } = await sql<{ before: string | null }>`
    with previous as (select holder from edge_purger where only_row)
    insert into edge_purger (holder, held_until)
    values (${holder}, clock_timestamp() + make_interval(secs => ${seconds}))
    on conflict (only_row) do update set holder = excluded.holder, held_until = excluded.held_until
      where edge_purger.holder = excluded.holder or edge_purger.held_until < clock_timestamp()
    returning (select holder from previous) as before`.execute(db);
  const [row] = rows;
  if (row === undefined) return 'elsewhere';
  return row.before === holder ? 'held' : 'new';
}

export async function releasePurger(db: Db, holder: string): Promise<void> {
  await db.deleteFrom('edge_purger').where('holder', '=', holder).execute();
}

export async function addEdgeDebts(db: Db, edgeUrl: string, tags: TagVersions): Promise<void> {
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

export async function readEdgeDebts(db: Db, edgeUrl: string): Promise<TagVersions> {
  const rows = await db
    .selectFrom('edge_debts')
    .select(['tag', 'version'])
    .where('edge_url', '=', edgeUrl)
    .execute();
  return Object.fromEntries(rows.map(({ tag, version }) => [tag, version]));
}

/** Only what was confirmed: a higher version that came meanwhile stays. */
export async function clearEdgeDebts(db: Db, edgeUrl: string, confirmed: TagVersions): Promise<void> {
  await sql`
    delete from edge_debts using unnest(${Object.keys(confirmed)}::text[], ${Object.values(confirmed)}::integer[]) as heard (tag, version)
    where edge_debts.edge_url = ${edgeUrl} and edge_debts.tag = heard.tag and edge_debts.version <= heard.version`.execute(
    db,
  );
}
