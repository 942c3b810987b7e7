// Laws of selling: codes are used no more often than allowed, VAT is that of the destination, invoices have no gaps.
import type { ShopLife } from '../life.ts';
import { askPostgres } from '../shop/living-shop.ts';
import { defineLaw } from './law.ts';

/** Law: a code of n uses is used at most n times, and counts once for each order that is not cancelled. */
interface PromotionSeen {
  code: string;
  uses: number | null;
  usesPerCustomer: number | null;
  used: number;
  /** Orders with its discount that were not cancelled. */
  orders: number;
  mostByOne: number;
}

export const promotionsHold = defineLaw<PromotionSeen[]>({
  name: 'promotions-hold',
  gather: (life) =>
    life.till.alone(() =>
      askPostgres<PromotionSeen>(
        life.shop,
        `select code, uses, uses_per_customer as "usesPerCustomer", used,
           (select count(*)::integer from orders o
            where o.discount_code = p.code and (o.status <> 'cancelled' or o.holds_stock)) as orders,
           (select coalesce(max(uses), 0)::integer from (
              select count(*) as uses from promotion_uses u
              where u.promotion_id = p.id and customer is not null group by customer) ones) as "mostByOne"
         from promotions p order by id`,
      ),
    ),
  // A failed payment returns its use of the code a moment later.
  patienceMs: 40_000,
  judge: (promotions) =>
    promotions.flatMap(({ code, uses, usesPerCustomer, used, orders, mostByOne }) => [
      ...(used === orders ? [] : [`${code} counts ${used} uses, and ${orders} orders have it`]),
      ...(used <= (uses ?? used) ? [] : [`${code} was used ${used} times, and only ${uses} were offered`]),
      ...(mostByOne <= (usesPerCustomer ?? mostByOne)
        ? []
        : [`One customer used ${code} ${mostByOne} times instead of ${usesPerCustomer}`]),
    ]),
});

/** Percent, for the countries of the drill's shoppers. Source: as in origin/checkout/price-order.ts. */
export const ratesOf: Record<string, number[]> = {
  DE: [19],
  FR: [20],
  // Children's clothes have no VAT.
  IE: [23, 0],
  NL: [21],
  GR: [24],
  PL: [23],
  PT: [23],
  SE: [25],
  BG: [20],
  ES: [21],
};

/** Law: an order's VAT is that of its destination, right to the cent, and adds up to the total. */
interface TaxedOrder {
  number: string;
  country: string | null;
  total: number;
  tax: { rate: number; net: number; tax: number }[] | null;
}

export const vatAddsUp = defineLaw<TaxedOrder[]>({
  name: 'vat-adds-up',
  gather: (life: ShopLife) =>
    askPostgres<TaxedOrder>(
      life.shop,
      `select number, shipping_address ->> 'country' as country, total_amount as total, tax
       from orders order by id`,
    ),
  judge: (orders) =>
    orders.flatMap(({ number, country, total, tax }) => {
      if (tax === null || country === null) return [];
      const sum = tax.reduce((all, part) => all + part.net + part.tax, 0);
      const wrong = tax.filter(
        (part) =>
          part.tax !== Math.round(((part.net + part.tax) * part.rate) / (100 + part.rate)) ||
          !ratesOf[country]?.includes(part.rate),
      );
      return [
        ...(sum === total ? [] : [`Order ${number} costs ${total}, net and VAT are ${sum}`]),
        ...wrong.map(
          ({ rate, net, tax: vat }) =>
            `Order ${number} to ${country} has ${vat} of VAT on ${net} (${rate} %)`,
        ),
      ];
    }),
});

/** Law: invoices are numbered 1, 2, 3 …, and each order has at most one, once something of it was paid. */
interface InvoiceSeen {
  number: number;
  order: string;
  payment: string;
  taken: number;
}

export const invoicesWithoutGaps = defineLaw<InvoiceSeen[]>({
  name: 'invoices-without-gaps',
  gather: (life) =>
    askPostgres<InvoiceSeen>(
      life.shop,
      `select i.number, o.number as order, p.status as payment, p.taken_amount as taken
       from invoices i join orders o on o.id = i.order_id join payments p on p.order_id = o.id order by i.number`,
    ),
  judge: (invoices) => [
    ...invoices.flatMap(({ number }, at) =>
      number === at + 1 ? [] : [`Invoice ${number} stands where ${at + 1} should`],
    ),
    ...invoices.flatMap(({ order }, at) =>
      invoices.findIndex((other) => other.order === order) === at ? [] : [`Order ${order} has two invoices`],
    ),
    ...invoices
      .filter(({ payment, taken }) => payment !== 'paid' && taken === 0)
      .map(({ order }) => `Order ${order} has an invoice, and nothing of it was paid`),
  ],
});
