// Law: each order exists once, costs what its buyer was shown, and equals its payment; the totals agree.
import type { Life, RecordedOrder } from '../life.ts';
import { askPostgres } from '../shop/living-shop.ts';
import { defineLaw } from './law.ts';

export interface MoneySeen {
  booked: Pick<RecordedOrder, 'id' | 'number' | 'provider' | 'outcome' | 'totalShown'>[];
  kept: KeptOrder[];
  /** What Stripe took, by order; minor units. */
  takenByStripe: Map<string, number>;
}

export interface KeptOrder {
  id: string;
  number: string;
  status: 'placed' | 'paid' | 'cancelled';
  total: number;
  ofLines: number;
  provider: string;
  payment: 'reserved' | 'pending' | 'paid' | 'failed' | 'unknown';
}

export const moneyAddsUp = defineLaw<MoneySeen>({
  name: 'money-adds-up',
  gather: async (life: Life) => ({
    booked: life.record.orders,
    takenByStripe: new Map(
      life.stripe.sessions
        .filter(({ payment_status }) => payment_status === 'paid')
        .map(({ client_reference_id: id, amount }) => [id, amount]),
    ),
    kept: await askPostgres<KeptOrder>(
      life.shop,
      `select o.id, o.number, o.status, o.total_amount as total, p.provider, p.status as payment,
         (select sum(l.quantity * l.unit_price_amount)::integer from order_lines l where l.order_id = o.id) as "ofLines"
       from orders o join payments p on p.order_id = o.id order by o.id`,
    ),
  }),
  // Whoever paid while the worker was away is asked about once it is back.
  patienceMs: 40_000,
  judge: ({ booked, kept, takenByStripe }) => [
    ...kept.flatMap(judgeStored),
    ...judgeAgainstBooks(booked, kept),
    ...judgeSums(booked, kept, takenByStripe),
  ],
});

const orderStatusOf: Record<KeptOrder['payment'], KeptOrder['status']> = {
  reserved: 'placed',
  pending: 'placed',
  unknown: 'placed',
  paid: 'paid',
  failed: 'cancelled',
};

function judgeStored({ number, status, total, ofLines, payment }: KeptOrder): string[] {
  const right = orderStatusOf[payment];
  return [
    ...(total === ofLines ? [] : [`Order ${number} costs ${total}, its lines ${ofLines}`]),
    ...(status === right ? [] : [`Order ${number} is ${status} though its payment is ${payment}`]),
  ];
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
 * What the provider has taken, as far as the buyers' choices tell: an unknown outcome turns out to be paid when it is
 * asked about.
 */
function judgeSums(
  booked: MoneySeen['booked'],
  kept: KeptOrder[],
  takenByStripe: MoneySeen['takenByStripe'],
): string[] {
  const statusOf = new Map(kept.map(({ id, payment }) => [id, payment]));
  const isTaken = ({ id, provider, outcome }: MoneySeen['booked'][number]) =>
    provider === 'demo' && (outcome === 'paid' || (outcome === 'unknown' && statusOf.get(id) === 'paid'));
  const taken =
    sum(booked.filter(isTaken).map(({ totalShown }) => totalShown)) + sum([...takenByStripe.values()]);
  const told = sum(kept.filter(({ payment }) => payment === 'paid').map(({ total }) => total));
  return taken === told ? [] : [`${taken} was taken, and orders of ${told} say that they are paid`];
}

function sum(amounts: number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}
