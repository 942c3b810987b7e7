// The night of a life: everything becomes a day older in the store, so that months end, returns expire and old rows go.
import type { ShopLife } from './life.ts';
import { askPostgres } from './shop/living-shop.ts';

interface Aged {
  table: string;
  columns: string[];
  /** Selects only rows that have ended. Work that is still to come happens by the clock. */
  where?: string;
}

const aged: Aged[] = [
  { table: 'variant_prices', columns: ['since', 'until'] },
  { table: 'product_sales', columns: ['starts_at'], where: "state = 'running'" },
  { table: 'product_sales', columns: ['starts_at', 'ends_at', 'ended_at'], where: "state = 'ended'" },
  { table: 'orders', columns: ['placed_at'] },
  { table: 'order_events', columns: ['at'] },
  { table: 'shipments', columns: ['shipped_at', 'delivered_at'] },
  { table: 'door_payments', columns: ['taken_at'] },
  { table: 'refunds', columns: ['at', 'done_at'], where: "status = 'done'" },
  { table: 'returns', columns: ['requested_at', 'closed_at'] },
  { table: 'invoices', columns: ['issued_at', 'taxed_at'] },
  { table: 'credit_notes', columns: ['issued_at', 'taxed_at'] },
  { table: 'withdrawals', columns: ['declared_at'] },
  { table: 'shop_events', columns: ['at'] },
  { table: 'outbox', columns: ['committed_at', 'due_at', 'done_at'], where: "state = 'done'" },
  { table: 'job_attempts', columns: ['started_at', 'ended_at'] },
  { table: 'job_subjects', columns: ['written_at'] },
  { table: 'idempotency_keys', columns: ['created_at'] },
  { table: 'cart_operations', columns: ['created_at'] },
];

/** Nobody shops meanwhile, but the worker goes on. */
export async function passNight({ shop }: Pick<ShopLife, 'shop'>): Promise<void> {
  for (const { table, columns, where } of aged) {
    const earlier = columns.map((column) => `${column} = ${column} - interval '1 day'`).join(', ');
    // Two statements in one query are one transaction. It writes no shop events for other systems.
    const change = `update ${table} set ${earlier}${where === undefined ? '' : ` where ${where}`}`;
    await askPostgres(shop, `set local myclothes.events = 'off'; ${change}`);
  }
}
