// What must hold in every database of the shop: checked on a backup that was restored.
import type pg from 'pg';
import { quoted } from './dump.ts';

/** Each counts the rows that break it. */
const laws: [sentence: string, sql: string][] = [
  [
    'an order has lines',
    'select from orders o where not exists (select from order_lines l where l.order_id = o.id)',
  ],
  [
    'an order has a payment',
    'select from orders o where not exists (select from payments p where p.order_id = o.id)',
  ],
  ['no line of an order has less than one piece', 'select from order_lines where quantity < 1'],
  ['no variant has less than no stock', 'select from variants where available < 0'],
  [
    'a product on sale has a variant',
    "select from products p where status = 'active' and not exists (select from variants v where v.product_id = p.id)",
  ],
  ['work that is done says when', "select from outbox where state = 'done' and done_at is null"],
  ['the database has one lineage', 'select from (select count(*) from database_lineage) l where count <> 1'],
];

interface ForeignKey {
  name: string;
  child: string;
  parent: string;
  childColumns: string[];
  parentColumns: string[];
}

/** @returns a sentence for each law that does not hold */
export async function brokenLaws(client: pg.Client): Promise<string[]> {
  const broken: string[] = [];
  const count = async (sentence: string, sql: string) => {
    const { rows } = await client.query<{ count: string }>(`select count(*) from (${sql}) broken`);
    if (rows[0]!.count !== '0') broken.push(`${sentence}: ${rows[0]!.count} rows break it`);
  };
  for (const [sentence, sql] of laws) await count(sentence, sql);
  // Rows are loaded while foreign keys rest.
  for (const key of await readForeignKeys(client)) await count(`foreign key ${key.name}`, orphansOf(key));
  return broken;
}

function orphansOf({ child, parent, childColumns, parentColumns }: ForeignKey): string {
  const pairs = childColumns.map((column, at) => `p.${quoted(parentColumns[at]!)} = c.${quoted(column)}`);
  const isSet = childColumns.map((column) => `c.${quoted(column)} is not null`);
  return `select from ${child} c where ${isSet.join(' and ')}
    and not exists (select from ${parent} p where ${pairs.join(' and ')})`;
}

async function readForeignKeys(client: pg.Client): Promise<ForeignKey[]> {
  const names = (table: string, key: string) => `
    (select array_agg(a.attname::text order by k.place) from unnest(${key}) with ordinality k (number, place)
      join pg_attribute a on a.attrelid = ${table} and a.attnum = k.number)`;
  const { rows } = await client.query<ForeignKey>(`
    select conname as name, conrelid::regclass::text as child, confrelid::regclass::text as parent,
      ${names('conrelid', 'conkey')} as "childColumns", ${names('confrelid', 'confkey')} as "parentColumns"
    from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace`);
  return rows;
}
