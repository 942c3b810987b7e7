// How parcels travel and what that costs, promotion codes and their uses, and what an order cost beside its lines.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await createShipping(db);
  // All may be null: the previous release places orders without them, delivered free and without a code.
  await sql`
    alter table orders
      add column billing_address jsonb,
      add column shipping jsonb,
      add column discount_code text,
      add column discount_amount integer not null default 0,
      add column tax_country text,
      add column tax jsonb`.execute(db);
  // Of each line: its share of the discount, and the rate of VAT in percent.
  await sql`
    alter table order_lines
      add column discount_amount integer not null default 0,
      add column tax_rate double precision`.execute(db);
  await sql`
    create table promotions (
      id bigint generated always as identity primary key,
      code text not null unique,
      kind text not null check (kind in ('percent', 'amount', 'free-shipping')),
      value integer not null check (value >= 0),
      min_total_amount integer,
      starts_at timestamptz,
      ends_at timestamptz,
      uses integer,
      uses_per_customer integer,
      categories text[],
      products text[],
      used integer not null default 0 check (used >= 0),
      created_at timestamptz not null default clock_timestamp()
    )`.execute(db);
  // Customer: the e-mail in small letters, null once the person is forgotten.
  await sql`
    create table promotion_uses (
      order_id bigint primary key references orders (id) on delete cascade,
      promotion_id bigint not null references promotions (id) on delete cascade,
      customer text,
      account_id bigint
    )`.execute(db);
  await sql`create index promotion_uses_by_customer on promotion_uses (promotion_id, customer)`.execute(db);
  await sql`
    create index promotion_uses_by_account on promotion_uses (promotion_id, account_id)
    where account_id is not null`.execute(db);
}

const everywhere = '{AT,BE,BG,HR,CY,CZ,DK,EE,FI,FR,DE,GR,HU,IE,IT,LV,LT,LU,MT,NL,PL,PT,RO,SK,SI,ES,SE}';

async function createShipping(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table shipping_methods (
      position integer primary key,
      id text not null,
      name text not null,
      countries text[] not null,
      price_amount integer not null check (price_amount >= 0),
      free_from_amount integer check (free_from_amount >= 0),
      min_days integer not null check (min_days >= 0),
      max_days integer not null check (max_days >= min_days)
    )`.execute(db);
  await sql`
    create table shipping_version (
      only_row boolean primary key default true check (only_row),
      version integer not null default 1
    )`.execute(db);
  await sql`insert into shipping_version default values`.execute(db);
  await sql`
    insert into shipping_methods (position, id, name, countries, price_amount, min_days, max_days) values
      (0, 'standard', 'Standard', ${everywhere}, 0, 2, 5),
      (1, 'express', 'Express', ${everywhere}, 990, 1, 2)`.execute(db);
}
