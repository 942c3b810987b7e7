// Normalises products and searches by the same function, `search_normal`.
// Therefore neither accents nor punctuation hide a product.
import { type Kysely, type QueryExecutorProvider, sql } from 'kysely';
import { buildIndexes } from '../build-indexes.ts';

/** Fills rows and builds the index under a lock. `prepareSearch` does both before for a large catalog. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await createSearchColumns(db);
  await sql`update products set skus = ${skusOf}, search_vector = null where search_vector is null`.execute(
    db,
  );
  await learnAllWords(db);
  await sql`create index if not exists products_search_blocks on ${blocks}`.execute(db);
  await sql`create index if not exists products_by_title on ${titles}`.execute(db);
  // No release has read it since `0009-search-terms`.
  await sql`drop index if exists products_search`.execute(db);
}

const batch = 2_000;

/**
 * Does the same concurrently with the shop's writes: in batches of rows, outside of a transaction, with indexes built
 * concurrently. It may take minutes. Does nothing without a products table.
 */
export async function prepareSearch<Schema>(db: Kysely<Schema>): Promise<void> {
  const { rows } = await sql<{
    exists: boolean;
  }>`select to_regclass('products') is not null as exists`.execute(db);
  if (rows[0]?.exists !== true) return;
  await db.transaction().execute(async (tx) => {
    await sql`set local lock_timeout = '2s'`.execute(tx);
    await createSearchColumns(tx);
  });
  for (;;) {
    const filled = await sql`
      update products set skus = ${skusOf}, search_vector = null
      where id in (select id from products where search_vector is null order by id limit ${batch})`.execute(
      db,
    );
    if (Number(filled.numAffectedRows ?? 0n) < batch) break;
  }
  await buildIndexes(db, [
    { name: 'products_search_blocks', on: blocks },
    { name: 'products_by_title', on: titles },
  ]);
}

const skusOf = sql`coalesce((select string_agg(sku, ' ') from variants where product_id = products.id), '')`;

// `fastupdate` is off, because each block's lookup would read the list of pending entries.
const blocks = sql`products using gin
  (product_search_terms(id, category_id, price_amount, sizes, colors, search_vector)) with (fastupdate = off)
  where status = 'active'`;

const titles = sql`products (title_key) where status = 'active'`;

/** Collects words of names, brands and keywords, which "did you mean" may propose. */
async function learnAllWords(db: QueryExecutorProvider): Promise<void> {
  await sql`
    insert into search_words (word)
    select distinct word
    from products, unnest(regexp_split_to_array(search_normal(name || ' ' || brand || ' ' || keywords), '[- ]')) word
    where length(word) between 3 and 40 and word !~ '[0-9]'
    order by word
    on conflict do nothing`.execute(db);
}

async function createSearchColumns(db: QueryExecutorProvider): Promise<void> {
  await createNormalisation(db);
  await sql`
    alter table products add column if not exists skus text not null default '',
      add column if not exists search_vector tsvector, add column if not exists title_key text`.execute(db);
  await createTrigger(db);
}

async function createNormalisation(db: QueryExecutorProvider): Promise<void> {
  await sql`create extension if not exists unaccent`.execute(db);
  // Chooses a collation that knows upper case and letters of all scripts, whatever the database's locale.
  const { rows } = await sql<{ name: string }>`
    select collname as name from pg_collation where collname in ('pg_c_utf8', 'und-x-icu', 'C.utf8')
    order by array_position(array['pg_c_utf8', 'und-x-icu', 'C.utf8'], collname::text) limit 1`.execute(db);
  const rules = sql.id(rows[0]?.name ?? 'default');
  // The order matters: remove signs that would become letters, and invisible characters; make wide, small and joined
  // letters plain; remove accents and vowel points.
  await sql`
    create or replace function search_fold(given text) returns text language sql stable parallel safe strict as $$
      select normalize(regexp_replace(normalize(
        lower(unaccent(normalize(
          regexp_replace(translate(given, '™®©℠℗', '     '), U&'[\\00AD\\034F\\061C\\180E\\200B-\\200F\\202A-\\202E\\2060-\\206F\\FE00-\\FE0F\\FEFF]', '', 'g'),
        NFKC)) collate ${rules}),
      NFD), U&'[\\0300-\\036F\\0483-\\0487\\0591-\\05BD\\05BF\\05C1\\05C2\\05C4\\05C5\\05C7\\0640\\064B-\\065F\\0670\\06D6-\\06DC\\06DF-\\06E4\\06E7\\06E8\\06EA-\\06ED]', '', 'g'), NFC)
    $$`.execute(db);
  // Characters that belong to no word become "-" within a word and a space between words. T-shirt has one spelling.
  await sql`
    create or replace function search_normal(given text) returns text language sql stable parallel safe strict as $$
      select regexp_replace(btrim(regexp_replace(
        case when given ~ '[^ -~]' then regexp_replace(search_fold(given),
          U&'[^[:alnum:][:space:]${wordCharacters}]+' collate ${rules}, '-', 'g')
        else regexp_replace(lower(given), '[^a-z0-9 ]+', '-', 'g') end,
        '-*[[:space:]]+[- ]*', ' ', 'g'), '- '),
        '(^| |-)(?:t|tee)[- ](shirts?)(?=$| |-)', '\\1t\\2', 'g')
    $$`.execute(db);
  // The words of a normalised text and their joined forms: "plume-quilt" is found as plume, quilt and plumequilt.
  // With `across`, neighbours are joined too, as in names: "Sweat Shirt" is found as sweatshirt.
  await sql`
    create or replace function search_expand(normal text, across boolean) returns text
    language sql immutable parallel safe strict as $$
      select case when not across and normal !~ '-' then normal else (with words as (
        select word, chunk.place as chunk, lag(word) over w as before, lag(chunk.place) over w as chunk_before
        from regexp_split_to_table(normal, ' ') with ordinality as chunk (text, place),
          regexp_split_to_table(chunk.text, '-') with ordinality as part (word, place)
        window w as (order by chunk.place, part.place)
      )
      select concat_ws(' ', translate(normal, '-', ' '),
        (select string_agg(before || word, ' ') from words where across or chunk = chunk_before),
        (select string_agg(joined, ' ') from (
          select string_agg(word, '') as joined from words group by chunk having count(*) > 2) wholes))
      ) end
    $$`.execute(db);
  await createConfiguration(db);
}

/**
 * Characters of words that Postgres counts neither as letters nor as digits: digits and vowel signs of other scripts,
 * and Japanese voicing marks.
 */
const wordCharacters = sql.raw(
  [
    '0660-0669 06F0-06F9 0900-0963 0966-096F 0971-09FC 09FE-0A75 0A77-0AEF 0AF9-0C76 0C78-0C83 0C85-0DF3',
    '0E30-0E4E 0E50-0E59 0EB0-0ECE 0ED0-0ED9 0F18-0F39 0F3E-0F84 0F86-0FBC 1000-1049 1050-109F 1780-17D3 17E0-17E9 3099-309A',
  ]
    .join(' ')
    .replace(/[0-9A-F]{4}/g, '\\$&')
    .replaceAll(' ', ''),
);

/** A configuration of English stems without stop words: a brand may be called "The Who", and a size "S". */
async function createConfiguration(db: QueryExecutorProvider): Promise<void> {
  const { rows } =
    await sql`select from pg_ts_config where cfgname = 'shop' and cfgnamespace = 'public'::regnamespace`.execute(
      db,
    );
  if (rows.length > 0) return;
  await sql`create text search dictionary shop_stem (template = snowball, language = english)`.execute(db);
  await sql`create text search configuration shop (copy = english)`.execute(db);
  await sql`
    alter text search configuration shop
    alter mapping for asciiword, word, numword with shop_stem`.execute(db);
}

/** Weights. A: name. B: brand, kind, colours, tags, article numbers. D: description, without English stop words. */
async function createTrigger(db: QueryExecutorProvider): Promise<void> {
  await sql`
    create or replace function describe_for_search() returns trigger language plpgsql as $$
    declare
      title text := search_normal(new.name);
    begin
      new.title_key := left(translate(title, '- ', ''), 300);
      new.search_vector :=
        setweight(to_tsvector('shop', search_expand(title, true)), 'A') ||
        setweight(to_tsvector('shop', search_expand(search_normal(new.brand || ' ' || new.keywords), false)), 'B') ||
        setweight(to_tsvector('shop', translate(search_normal(new.skus), '-', '')), 'B') ||
        setweight(to_tsvector('english', search_expand(search_normal(
          regexp_replace(left(new.description_html, 100000), '<[^>]*>|&[A-Za-z0-9#]+;', ' ', 'g')), false)), 'D');
      return new;
    end $$`.execute(db);
  await sql`
    create or replace trigger products_describe_for_search
    before insert or update of name, brand, keywords, skus, description_html, search_vector on products
    for each row execute function describe_for_search()`.execute(db);
}
