// Laws of money and stock: each order costs what its buyer was shown, and each variant's stock adds up.
// Money taken less money refunded equals what orders say.
import type { RecordedOrder, ShopLife } from '../life.ts';
import { askPostgres } from '../shop/living-shop.ts';
import { defineLaw } from './law.ts';

/** Law: each order exists once, costs what its buyer was shown, and equals its payment; the totals agree. */
interface MoneySeen {
  booked: Pick<RecordedOrder, 'id' | 'number' | 'provider' | 'outcome' | 'totalShown'>[];
  kept: KeptOrder[];
  /** What Stripe took, by order, in minor units. */
  takenByStripe: Map<string, number>;
  /** What Stripe refunded, in minor units. */
  paidBackByStripe: number;
  /** By the record of staff's deeds. */
  takenAtDoor: Map<string, number>;
}

interface KeptOrder {
  id: string;
  number: string;
  status: 'placed' | 'paid' | 'cancelled';
  total: number;
  /** The sum of its lines and delivery less its discount. */
  ofParts: number;
  provider: string;
  payment: 'reserved' | 'pending' | 'paid' | 'failed' | 'unknown';
  /** Money that was taken at the door. */
  taken: number;
  /** The sum of its refunds in any state. */
  refunded: number;
  /** Whether it was cancelled while nobody knew if money moves. */
  holdsStock: boolean;
}

export const moneyAddsUp = defineLaw<MoneySeen>({
  name: 'money-adds-up',
  gather: async (life: ShopLife) => ({
    booked: life.record.orders,
    takenByStripe: new Map(
      life.stripe.sessions
        .filter(({ payment_status }) => payment_status === 'paid')
        .map(({ client_reference_id: id, amount }) => [id, amount]),
    ),
    paidBackByStripe: sum(life.stripe.refunds.map(({ amount }) => amount)),
    takenAtDoor: life.record.takenAtDoor,
    kept: await askPostgres<KeptOrder>(
      life.shop,
      `select o.id, o.number, o.status, o.total_amount as total, p.provider, p.status as payment,
         p.taken_amount as taken, o.holds_stock as "holdsStock",
         (select coalesce(sum(r.amount), 0)::integer from refunds r where r.order_id = o.id) as refunded,
         (select sum(l.quantity * l.unit_price_amount)::integer from order_lines l where l.order_id = o.id)
           + coalesce((o.shipping ->> 'amount')::integer, 0) - o.discount_amount as "ofParts"
       from orders o join payments p on p.order_id = o.id order by o.id`,
    ),
  }),
  // If a buyer paid while the worker was away, the worker asks the provider once it is back.
  patienceMs: 40_000,
  judge: (seen) => [
    ...seen.kept.flatMap(judgeStored),
    ...judgeAgainstBooks(seen.booked, seen.kept),
    ...judgeSums(seen),
  ],
});

function paidOf({ provider, payment, total, taken }: KeptOrder): number {
  if (provider === 'on-delivery') return taken;
  return payment === 'paid' ? total : 0;
}

function judgeStored(order: KeptOrder): string[] {
  const { number, status, total, ofParts, payment, refunded } = order;
  const paid = paidOf(order);
  return [
    ...(total === ofParts ? [] : [`Order ${number} costs ${total}, its parts ${ofParts}`]),
    ...(isLawful(order) ? [] : [`Order ${number} is ${status} though its payment is ${payment}`]),
    ...(refunded <= paid ? [] : [`Of order ${number} ${paid} was paid, and ${refunded} paid back`]),
  ];
}

function isLawful(order: KeptOrder): boolean {
  const { status, payment, holdsStock, refunded } = order;
  if (status === 'paid') return payment === 'paid';
  if (status === 'placed') return payment !== 'paid' && payment !== 'failed';
  // A cancelled order has no payment, is refunded whole, or its payment is not known yet.
  return payment === 'failed' || holdsStock || refunded === paidOf(order);
}

function judgeAgainstBooks(booked: MoneySeen['booked'], kept: KeptOrder[]): string[] {
  const byId = new Map(kept.map((order) => [order.id, order]));
  const bookedIds = new Set(booked.map(({ id }) => id));
  return [
    ...booked.flatMap(({ id, number, totalShown }) => {
      const order = byId.get(id);
      if (order === undefined) return [`Order ${number} was acknowledged and is gone`];
      return order.total === totalShown
        ? []
        : [`Order ${number} costs ${order.total}, and ${totalShown} stood on the page`];
    }),
    ...kept
      .filter(({ id }) => !bookedIds.has(id))
      .map(({ number }) => `Order ${number} was never acknowledged`),
  ];
}

/**
 * Compares the sums of the providers with those of the orders. The demo provider took the money of an unknown outcome
 * if the order says that it is paid.
 */
function judgeSums({ booked, kept, takenByStripe, takenAtDoor, paidBackByStripe }: MoneySeen): string[] {
  const statusOf = new Map(kept.map(({ id, payment }) => [id, payment]));
  const isTaken = ({ id, provider, outcome }: MoneySeen['booked'][number]) =>
    provider === 'demo' && (outcome === 'paid' || (outcome === 'unknown' && statusOf.get(id) === 'paid'));
  const byDemo = sum(booked.filter(isTaken).map(({ totalShown }) => totalShown));
  const taken = byDemo + sum([...takenByStripe.values()]) + sum([...takenAtDoor.values()]);
  const told = sum(kept.map(paidOf));
  const refunds = sum(kept.filter(({ provider }) => provider === 'stripe').map(({ refunded }) => refunded));
  return [
    ...(taken === told ? [] : [`${taken} was taken, and orders say that ${told} was`]),
    ...(paidBackByStripe === refunds
      ? []
      : [`Stripe paid ${paidBackByStripe} back, and orders say that ${refunds} was`]),
  ];
}

function sum(amounts: number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}

interface StockRow {
  id: string;
  sku: string;
  handle: string;
  available: number;
  /** Pieces in orders that are not cancelled. */
  sold: number;
  /** Whether the product is on sale and its stock is counted. */
  isCounted: boolean;
}

/** Reads both numbers in one statement, because the worker may return pieces of ended orders at any time. */
export function readStock(life: ShopLife): Promise<StockRow[]> {
  return askPostgres<StockRow>(
    life.shop,
    `select v.id, v.sku, p.slug as handle, v.available,
       v.archived_at is null and p.status = 'active' and v.stock_tracked and v.stock_stated as "isCounted",
       (select coalesce(sum(l.quantity - l.restocked), 0)::integer from order_lines l where l.variant_id = v.id) as sold
     from variants v join products p on p.id = v.product_id order by v.id`,
  );
}

/** Law: each variant's stock is the last value set, minus sales, plus returns, and never below zero. */
interface PieceSeen {
  sku: string;
  handle: string;
  available: number;
  /** Undefined if the record has no value. */
  set: number | undefined;
  soldSince: number;
}

export const stockAddsUp = defineLaw<PieceSeen[]>({
  name: 'stock-adds-up',
  async gather(life) {
    // Nothing is sold between the two reads.
    return life.till.alone(async () => {
      const stock = await readStock(life);
      return stock.map(({ id, sku, handle, available, sold }) => {
        const base = life.record.stock.get(id);
        return {
          sku,
          handle,
          available,
          set: base?.set,
          soldSince: sold - (base?.soldBefore ?? 0),
        };
      });
    });
  },
  judge: (pieces) =>
    pieces.flatMap(({ sku, handle, available, set, soldSince }) => {
      if (set === undefined) return [`${sku} of ${handle} came into being though nobody made it`];
      const right = set - soldSince;
      return available === right
        ? []
        : [
            `${sku} of ${handle} has ${available} pieces; it was set to ${set} and ${soldSince} were sold: ${right}`,
          ];
    }),
});
