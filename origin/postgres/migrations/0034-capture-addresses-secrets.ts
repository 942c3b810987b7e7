// Payments that are authorised first and captured when a parcel leaves, disputes, shoppers' addresses, and webhooks'
// former secrets.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await addAuthorisations(db);
  await createDisputes(db);
  await createAddresses(db);
  // Signs beside the present one until then, so that a receiver can change over.
  await sql`
    alter table webhook_endpoints
      add column former_secret text,
      add column former_secret_until timestamptz`.execute(db);
}

async function addAuthorisations(db: Kysely<unknown>): Promise<void> {
  // Not validated: every row has one of the former states. The previous release never writes the new one.
  await sql`
    alter table payments
      drop constraint payments_status_check,
      add constraint payments_status_check
        check (status in ('reserved', 'pending', 'authorised', 'paid', 'failed', 'unknown')) not valid,
      add column authorised_until timestamptz,
      add column capture_begun_at timestamptz,
      add column capture_amount integer,
      add column left_out_amount integer not null default 0`.execute(db);
  await sql`
    create index payments_authorised on payments (authorised_until) where status = 'authorised'`.execute(db);
}

async function createDisputes(db: Kysely<unknown>): Promise<void> {
  // By the provider's own id, so that a message that comes twice is one dispute.
  await sql`
    create table disputes (
      id text primary key,
      order_id bigint not null references orders (id) on delete cascade,
      amount integer not null check (amount >= 0),
      reason text not null,
      state text not null check (state in ('inquiry', 'open', 'won', 'lost')),
      due_by timestamptz,
      opened_at timestamptz not null,
      told_at timestamptz not null
    )`.execute(db);
  await sql`create index disputes_by_order on disputes (order_id)`.execute(db);
  await sql`
    create index disputes_open on disputes (due_by) where state in ('inquiry', 'open')`.execute(db);
  await sql`
    create function public.tell_dispute() returns trigger language plpgsql as $$
    begin
      perform public.tell_event('dispute.' || new.state, 'order:' || new.order_id,
        public.facts_of_order(new.order_id) || jsonb_build_object('disputeId', new.id, 'reason', new.reason,
          'amount', jsonb_build_object('amount', new.amount, 'currency', 'EUR')));
      return null;
    end $$`.execute(db);
  await sql`
    create constraint trigger disputes_tell_dispute after insert or update of state on disputes
    deferrable initially deferred for each row
    when (current_setting('myclothes.events', true) is distinct from 'off')
    execute function public.tell_dispute()`.execute(db);
}

async function createAddresses(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table addresses (
      id bigint generated always as identity primary key,
      account_id bigint not null references accounts (id) on delete cascade,
      address jsonb not null,
      is_default boolean not null default false,
      created_at timestamptz not null default clock_timestamp()
    )`.execute(db);
  await sql`create index addresses_by_account on addresses (account_id, id)`.execute(db);
  await sql`create unique index addresses_default on addresses (account_id) where is_default`.execute(db);
}
