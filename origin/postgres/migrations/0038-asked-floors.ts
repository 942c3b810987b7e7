// The log of floors for edges that ask for them, and the leases that such edges hold.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // Its lock puts the log in order: who has read up to a position has missed nothing before it.
  await sql`
    create table edge_floor_head (
      only_row boolean primary key default true check (only_row),
      position bigint not null default 0,
      forgotten_to bigint not null default 0
    )`.execute(db);
  await sql`insert into edge_floor_head default values`.execute(db);
  // The newest floor of each tag, at the position where it was raised last.
  await sql`
    create table edge_floors (
      tag text primary key,
      version integer not null,
      position bigint not null
    )`.execute(db);
  await sql`create index edge_floors_by_position on edge_floors (position)`.execute(db);
  // `ask` is never the same twice, so that a lease which is renewed meanwhile is not taken for one that ran out.
  await sql`
    create table edge_leases (
      edge uuid primary key,
      name text not null,
      lease_ms integer not null,
      position bigint not null,
      ask uuid not null default gen_random_uuid(),
      asked_at timestamptz not null default clock_timestamp()
    )`.execute(db);
}
