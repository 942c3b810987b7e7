// Reads an order as the state machine sees it, under the order's lock, which is its payment's row.
import { sql } from 'kysely';
import type { Tx } from '../../schema.ts';
import { idPattern } from '../../web/api/api.ts';
import type { Life } from './order-life.ts';

interface Row extends Omit<Life, 'isAtDoor'> {
  provider: string;
}

/**
 * Locks an order. Every change locks the payment first, then the order, then variants.
 * @returns undefined where the order does not exist
 */
export async function lockLife(tx: Tx, orderId: string): Promise<Life | undefined> {
  if (!idPattern.test(orderId)) return undefined;
  const { rows: locked } = await sql`select from payments where order_id = ${orderId} for update`.execute(tx);
  if (locked.length === 0) return undefined;
  // A statement of its own: only a new statement sees what the lock waited for.
  const { rows } = await sql<Row>`
    select o.status, p.status as payment, p.provider, o.total_amount as total,      p.taken_amount as taken, o.holds_stock as "holdsStock", p.left_out_amount as "leftOut",
      coalesce(p.capture_begun_at > clock_timestamp() - interval '1 minute', false) as "isBeingCaptured",
      (select coalesce(sum(d.amount), 0)::integer from disputes d
        where d.order_id = o.id and d.state in ('open', 'lost')) as disputed,
      coalesce((
        select json_agg(json_build_object('variantId', l.variant_id::text, 'quantity', l.quantity,
          'unitPrice', l.unit_price_amount, 'discount', l.discount_amount, 'shipped', l.shipped, 'withdrawn', l.withdrawn,
          'returned', l.returned, 'restocked', l.restocked) order by l.position)
        from order_lines l where l.order_id = o.id), '[]') as lines,
      coalesce((
        select json_agg(json_build_object('id', s.id::text,
          'deliveredAtMs', round(extract(epoch from s.delivered_at) * 1000),
          'lines', (select json_agg(json_build_object('variantId', l.variant_id::text, 'quantity', l.quantity))
            from shipment_lines l where l.shipment_id = s.id)) order by s.id)
        from shipments s where s.order_id = o.id), '[]') as shipments,
      coalesce((
        select json_agg(json_build_object('id', r.id::text, 'amount', r.amount, 'status', r.status) order by r.id)
        from refunds r where r.order_id = o.id), '[]') as refunds,
      coalesce((
        select json_agg(json_build_object('id', r.id::text, 'status', r.status, 'refundId', r.refund_id::text,
          'lines', (select json_agg(json_build_object('variantId', l.variant_id::text, 'quantity', l.quantity,
            'received', l.received)) from return_lines l where l.return_id = r.id)) order by r.id)
        from returns r where r.order_id = o.id), '[]') as returns
    from orders o join payments p on p.order_id = o.id
    where o.id = ${orderId}`.execute(tx);
  const { provider, ...life } = rows[0]!;
  return asEnded({ ...life, isAtDoor: provider === 'on-delivery' });
}

/** The previous release cancels orders without counting their pieces. All of them are back in stock. */
function asEnded(life: Life): Life {
  if (life.status !== 'cancelled' || life.holdsStock) return life;
  const lines = life.lines.map((line) => ({
    ...line,
    withdrawn: line.quantity - line.shipped,
    restocked: line.quantity,
  }));
  return { ...life, lines };
}
