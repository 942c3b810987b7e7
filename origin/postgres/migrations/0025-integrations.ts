// Tables for other systems: API keys, events in commit order, and outgoing webhooks.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await createKeys(db);
  await createEvents(db);
  await createOrderTriggers(db);
  await createCatalogTriggers(db);
  await createWebhooks(db);
  // The feed contains whether a variant is in stock. A mark renews it within a second.
  await sql`
    create function public.mark_feed() returns trigger language plpgsql as $$
    begin
      insert into public.catalog_set_marks (tag) values ('feed');
      return null;
    end $$`.execute(db);
  await sql`
    create trigger variants_mark_feed after update on variants for each row
    when ((old.available = 0) <> (new.available = 0) or old.stock_tracked <> new.stock_tracked
      or old.stock_stated <> new.stock_stated or old.sells_beyond_stock <> new.sells_beyond_stock)
    execute function public.mark_feed()`.execute(db);
  await sql`
    create index variants_by_barcode on variants ((file_cells ->> 'Variant Barcode'))
    where file_cells ? 'Variant Barcode'`.execute(db);
}

async function createKeys(db: Kysely<unknown>): Promise<void> {
  // Keys are never deleted, so that the history can name them.
  await sql`
    create table api_keys (
      id bigint generated always as identity primary key,
      name text not null,
      hash text not null unique,
      scopes text[] not null,
      account_id bigint references accounts (id) on delete set null,
      created_at timestamptz not null default clock_timestamp(),
      last_used_at timestamptz,
      revoked_at timestamptz
    )`.execute(db);
  // The transaction of a write states the API key that asked for it; see idempotency.ts.
  for (const table of ['order_events', 'staff_changes'])
    await sql`
      alter table ${sql.table(table)} add column api_key_id bigint
      default nullif(current_setting('myclothes.api_key', true), '')::bigint`.execute(db);
}

/**
 * Triggers insert events into `new_shop_events` at the end of each transaction. A reader moves committed rows to
 * `shop_events` and numbers them, one transaction after the other; see docs/decisions/0027-events-in-commit-order.md.
 */
async function createEvents(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table new_shop_events (
      id bigint generated always as identity primary key,
      type text not null,
      at timestamptz not null default clock_timestamp(),
      subject text not null,
      data jsonb not null,
      within xid8 not null default pg_current_xact_id()
    )`.execute(db);
  // A transaction may change a row several times but writes one event with the final state.
  await sql`
    create unique index new_shop_events_once on new_shop_events (within, subject)
    where type in ('stock.changed', 'product.changed')`.execute(db);
  await sql`
    create table shop_events (
      position bigint primary key,
      type text not null,
      at timestamptz not null,
      subject text not null,
      data jsonb not null
    )`.execute(db);
  await sql`create index shop_events_by_age on shop_events (at, position)`.execute(db);
  // Each transaction that numbers events locks it, so positions have no gaps.
  await sql`
    create table shop_event_counter (
      only_row boolean primary key default true check (only_row),
      last_position bigint not null default 0
    )`.execute(db);
  await sql`insert into shop_event_counter default values`.execute(db);
  await sql`
    create function public.tell_event(of_type text, of_subject text, of_data jsonb) returns void
    language sql as $$
      insert into public.new_shop_events (type, subject, data) values (of_type, of_subject, of_data)
      on conflict (within, subject) where type in ('stock.changed', 'product.changed') do nothing
    $$`.execute(db);
}

/** Creates a deferred trigger. It runs at the commit, when the order's lines and state are final. */
async function createTrigger(
  db: Kysely<unknown>,
  { on, at, when, run }: { on: string; at: string; when?: string; run: string },
): Promise<void> {
  const name = `${on}_tell_${run.replace(/^tell_/, '')}`;
  const isOn = `current_setting('myclothes.events', true) is distinct from 'off'`;
  await sql
    .raw(`
    create constraint trigger ${name} after ${at} on ${on} deferrable initially deferred
    for each row when (${when === undefined ? isOn : `${isOn} and (${when})`})
    execute function public.${run}()`)
    .execute(db);
}

async function createFunction(db: Kysely<unknown>, name: string, body: string): Promise<void> {
  await sql
    .raw(`
    create function public.${name}() returns trigger language plpgsql as $$
    begin
      ${body}
      return null;
    end $$`)
    .execute(db);
}

async function createOrderTriggers(db: Kysely<unknown>): Promise<void> {
  // The facts contain nothing about the person who ordered.
  await sql`
    create function public.facts_of_order(of_order bigint) returns jsonb language sql stable as $$
      select jsonb_build_object('orderId', o.id::text, 'number', o.number, 'status', o.status,
        'fulfilment', o.fulfilment, 'total', jsonb_build_object('amount', o.total_amount, 'currency', 'EUR'),
        'payment', jsonb_build_object('provider', p.provider, 'status', p.status))
      from public.orders o left join public.payments p on p.order_id = o.id where o.id = of_order
    $$`.execute(db);
  await createFunction(
    db,
    'tell_order_placed',
    `perform public.tell_event('order.placed', 'order:' || new.id, public.facts_of_order(new.id) || jsonb_build_object(
      'country', new.shipping_address ->> 'country', 'shippingMethod', new.shipping ->> 'method',
      'lines', (select coalesce(jsonb_agg(jsonb_build_object('variantId', l.variant_id::text, 'sku', l.sku,
        'quantity', l.quantity) order by l.position), '[]') from public.order_lines l where l.order_id = new.id)));`,
  );
  await createTrigger(db, { on: 'orders', at: 'insert', run: 'tell_order_placed' });
  await createFunction(
    db,
    'tell_order_cancelled',
    `perform public.tell_event('order.cancelled', 'order:' || new.id, public.facts_of_order(new.id));`,
  );
  await createTrigger(db, {
    on: 'orders',
    at: 'update of status',
    when: `new.status = 'cancelled' and old.status <> 'cancelled'`,
    run: 'tell_order_cancelled',
  });
  await createFunction(
    db,
    'tell_payment',
    `perform public.tell_event(
      case when new.status = 'paid' then 'order.paid' else 'order.payment-' || new.status end,
      'order:' || new.order_id, public.facts_of_order(new.order_id));`,
  );
  await createTrigger(db, {
    on: 'payments',
    at: 'update of status',
    when: 'new.status <> old.status',
    run: 'tell_payment',
  });
  await createFunction(
    db,
    'tell_money_taken',
    `perform public.tell_event('order.money-taken', 'order:' || new.order_id, public.facts_of_order(new.order_id)
      || jsonb_build_object('amount', jsonb_build_object('amount', new.amount, 'currency', 'EUR')));`,
  );
  await createTrigger(db, { on: 'door_payments', at: 'insert', run: 'tell_money_taken' });
  await createShipmentTriggers(db);
  await createRefundTriggers(db);
}

async function createShipmentTriggers(db: Kysely<unknown>): Promise<void> {
  await createFunction(
    db,
    'tell_shipment',
    `perform public.tell_event(case when tg_op = 'INSERT' then 'order.shipped' else 'order.delivered' end,
      'order:' || new.order_id, public.facts_of_order(new.order_id) || jsonb_strip_nulls(jsonb_build_object(
        'shipmentId', new.id::text, 'carrier', new.carrier, 'trackingNumber', new.tracking_number,
        'deliveredAt', to_char(new.delivered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'lines', (select coalesce(jsonb_agg(jsonb_build_object('variantId', l.variant_id::text, 'quantity', l.quantity)
          order by l.variant_id), '[]') from public.shipment_lines l where l.shipment_id = new.id))));`,
  );
  await createTrigger(db, { on: 'shipments', at: 'insert', run: 'tell_shipment' });
  await sql
    .raw(`
    create constraint trigger shipments_tell_delivery after update of delivered_at on shipments
    deferrable initially deferred for each row
    when (new.delivered_at is not null and old.delivered_at is distinct from new.delivered_at)
    execute function public.tell_shipment()`)
    .execute(db);
}

async function createRefundTriggers(db: Kysely<unknown>): Promise<void> {
  await createFunction(
    db,
    'tell_refund',
    `perform public.tell_event(case when tg_op = 'INSERT' then 'refund.created' else 'refund.' || new.status end,
      'order:' || new.order_id, public.facts_of_order(new.order_id) || jsonb_build_object('refundId', new.id::text,
        'amount', jsonb_build_object('amount', new.amount, 'currency', 'EUR'), 'refundStatus', new.status));`,
  );
  await createTrigger(db, { on: 'refunds', at: 'insert', run: 'tell_refund' });
  await createFunction(
    db,
    'tell_return',
    `perform public.tell_event('return.' || new.status, 'order:' || new.order_id, public.facts_of_order(new.order_id)
      || jsonb_build_object('returnId', new.id::text, 'returnNumber', new.number, 'returnStatus', new.status,
        'lines', (select coalesce(jsonb_agg(jsonb_build_object('variantId', l.variant_id::text, 'quantity', l.quantity,
          'received', l.received) order by l.variant_id), '[]') from public.return_lines l where l.return_id = new.id)));`,
  );
  await createTrigger(db, { on: 'returns', at: 'insert', run: 'tell_return' });
  for (const [table, run] of [
    ['refunds', 'tell_refund'],
    ['returns', 'tell_return'],
  ])
    await sql
      .raw(`
      create constraint trigger ${table}_tell_status after update of status on ${table}
      deferrable initially deferred for each row when (new.status <> old.status)
      execute function public.${run}()`)
      .execute(db);
}

/** The triggers read the rows again, because the transaction may have changed them once more. */
async function createCatalogTriggers(db: Kysely<unknown>): Promise<void> {
  await createFunction(
    db,
    'tell_stock',
    `perform public.tell_event('stock.changed', 'variant:' || v.id, jsonb_build_object('variantId', v.id::text,
      'productId', v.product_id::text, 'sku', v.sku, 'backordered', v.backordered,
      'stock', case when v.stock_tracked and v.stock_stated then v.available end))
    from public.variants v where v.id = new.id;`,
  );
  await createTrigger(db, { on: 'variants', at: 'insert', run: 'tell_stock' });
  await sql`
    create constraint trigger variants_tell_change after update on variants
    deferrable initially deferred for each row
    when (current_setting('myclothes.events', true) is distinct from 'off' and (
      old.available <> new.available or old.backordered <> new.backordered or old.sku <> new.sku
      or old.stock_tracked <> new.stock_tracked or old.stock_stated <> new.stock_stated))
    execute function public.tell_stock()`.execute(db);
  await createFunction(
    db,
    'tell_product',
    `perform public.tell_event('product.changed', 'product:' || p.id, jsonb_build_object('productId', p.id::text,
      'slug', p.slug, 'name', p.name, 'status', p.status, 'version', p.version))
    from public.products p where p.id = new.id;`,
  );
  await createTrigger(db, { on: 'products', at: 'insert', run: 'tell_product' });
  await sql`
    create constraint trigger products_tell_change after update of version on products
    deferrable initially deferred for each row
    when (current_setting('myclothes.events', true) is distinct from 'off' and old.version <> new.version)
    execute function public.tell_product()`.execute(db);
}

async function createWebhooks(db: Kysely<unknown>): Promise<void> {
  // Types: empty for all. Job: the outbox row that delivers to it, one at a time.
  await sql`
    create table webhook_endpoints (
      id bigint generated always as identity primary key,
      url text not null,
      types text[] not null default '{}',
      secret text not null,
      state text not null default 'active' check (state in ('active', 'paused')),
      paused_because text,
      failing_since timestamptz,
      retry_at timestamptz,
      job_id bigint,
      created_at timestamptz not null default clock_timestamp()
    )`.execute(db);
  await sql`
    create table webhook_deliveries (
      endpoint_id bigint not null references webhook_endpoints (id) on delete cascade,
      position bigint not null references shop_events (position) on delete cascade,
      state text not null default 'pending' check (state in ('pending', 'delivered', 'failed')),
      attempts integer not null default 0,
      due_at timestamptz not null default clock_timestamp(),
      first_tried_at timestamptz,
      tried_at timestamptz,
      status integer,
      error text,
      primary key (endpoint_id, position)
    )`.execute(db);
  await sql`
    create index webhook_deliveries_due on webhook_deliveries (endpoint_id, due_at, position)
    where state = 'pending'`.execute(db);
  await sql`create index webhook_deliveries_by_event on webhook_deliveries (position)`.execute(db);
}
