// Renders what an order costs: goods, discount, delivery, the VAT within, and the total.
import { pieces } from '../../cart/views/cart.ts';
import type { VatAmount } from '../../checkout/price-order.ts';
import { formatRate, priceOrFree } from '../../checkout/words.ts';
import { formatMoney } from '../../web/money.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { Order } from '../order.ts';

/** Amounts in minor units. */
export interface Sums {
  count: number;
  subtotal: number;
  discount?: { code: string; amount: number } | undefined;
  /** Undefined where nothing is delivered. */
  shipping: { name: string; amount: number } | undefined;
  tax: VatAmount[];
  total: number;
}

/** Rows of a list of terms, to stand in a `<dl class="sums">`. */
export function sumRows({ count, subtotal, discount, shipping, tax, total }: Sums): Html {
  return html`<dt>${pieces(count)}</dt><dd>${formatMoney(subtotal)}</dd>
${discount === undefined ? '' : html`<dt>Code ${discount.code}</dt><dd>−${formatMoney(discount.amount)}</dd>`}
${shipping === undefined ? '' : html`<dt>Delivery${shipping.name === 'Standard' ? '' : html`, ${shipping.name}`}</dt><dd>${priceOrFree(shipping.amount)}</dd>`}
<dt class="total">Total, VAT included</dt><dd class="total">${formatMoney(total)}</dd>
${tax.map(({ rate, tax }) => html`<dt class="soft small">of which VAT ${formatRate(rate)}</dt><dd class="soft small">${formatMoney(tax)}</dd>`)}`;
}

export function sumsOf(order: Order): Sums {
  const { lines, discount, shipping, tax, total } = order;
  return {
    count: lines.reduce((sum, line) => sum + line.quantity, 0),
    subtotal: lines.reduce((sum, line) => sum + line.lineTotal.amount, 0),
    discount: discount && { code: discount.code, amount: discount.amount.amount },
    shipping: { name: shipping.name, amount: shipping.price.amount },
    tax: tax.map(({ rate, net, tax }) => ({ rate, net: net.amount, tax: tax.amount })),
    total: total.amount,
  };
}
