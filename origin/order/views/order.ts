// Renders an order for its buyer: lines, totals, address and payment. It prints on one sheet.
import type { z } from '@hono/zod-openapi';
import { linePicture, pieces } from '../../cart/views/cart.ts';
import type { VariantInfo } from '../../catalog/read-variants.ts';
import { formatRate, priceOrFree } from '../../checkout/delivery-dates.ts';
import type { VatAmount } from '../../checkout/price-order.ts';
import { formatDay, formatMoney } from '../../web/money.ts';
import { type FormValues, faultSummary, idempotencyField, notice } from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import { describeArrival, type Returnable } from '../life/describe-life.ts';
import type { OrderEvent } from '../life/staff-orders.ts';
import type { Order } from '../order.ts';
import { cameToNothing } from '../order-again.ts';
import type { OrderDetail } from '../read-orders.ts';
import { findCountry, type OrderBillingAddressSchema, type ShippingAddress } from '../shipping-address.ts';
import { afterPurchase, keyQuery } from './after-purchase.ts';
import { describePayment } from './payment.ts';

export interface OrderPage {
  detail: OrderDetail;
  variants: Map<string, VariantInfo>;
  isSignedIn: boolean;
  /** The key of the mail's link by which the order was opened. */
  key?: string | undefined;
  /** Whether the shopper has just come back from the page on which the order is paid. */
  isBack?: boolean;
  events: OrderEvent[];
  returnable: Returnable | undefined;
  /** Form values that were refused, and why. */
  entered?: FormValues | undefined;
  refused?: string | undefined;
}

export function orderPage(page: OrderPage): Html {
  const { detail, variants, isSignedIn, key, refused, events, isBack = false } = page;
  const { order, email, shippingAddress, billingAddress } = detail;
  const { redirectUrl } = order.payment;
  const wasCancelled = events.some(({ what }) => what.startsWith('cancelled'));
  const payment = describePayment({ ...detail, wasCancelled });
  return html`<div class="page-head"><div><p class="label soft">Order ${order.number}</p><h1>${payment.heading}</h1></div>
<button class="link not-printed" type="button" data-print hidden>Print</button></div>
${refused === undefined ? '' : faultSummary({}, { refused })}
${notice(payment.sentence, payment.isGood ? 'good' : 'wrong')}
${redirectUrl === undefined ? '' : nextStep(redirectUrl, isBack)}
${cameToNothing(order) ? putBackForm(order.id, key) : ''}
<div class="split">
<div class="panel-stack">${orderLines(order, variants)}${afterPurchase({ ...page, order })}</div>
<section class="summary receipt" aria-labelledby="receipt"><h2 id="receipt">Order summary</h2>
<dl class="sums"><dt>Placed</dt><dd>${formatDay(order.placedAt)}</dd><dt>Payment</dt><dd>${payment.short}</dd></dl>
<dl class="sums">${sumRows(sumsOf(order))}</dl>
<p class="soft small">${describeArrival(order)}</p>
${order.paid.amount > 0 ? html`<p class="not-printed"><a href="/api/orders/${order.id}/invoice${keyQuery(key)}">Invoice (PDF)</a></p>` : ''}
${shippingAddress === null ? '' : html`<div><h3 class="label">Ships to</h3>${postalAddress(shippingAddress)}</div>`}
${billingAddress === null ? '' : html`<div><h3 class="label">Invoice to</h3>${addressLinesOf(billingAddress)}</div>`}
${email === null ? '' : html`<div><h3 class="label">${payment.isConfirmed ? 'Confirmation sent to' : 'Contact'}</h3><p>${email}</p></div>`}
</section></div>
${isSignedIn || email === null ? '' : accountOffer(email)}`;
}

/** A shopper who has just come back is not asked to pay again. */
function nextStep(redirectUrl: string, isBack: boolean): Html {
  const again = html`<a class="button" href="?paid=yes">Look again</a>`;
  return isBack
    ? html`<p class="not-printed">If you have paid, the confirmation takes a few seconds more.</p>
<p class="next-step row not-printed">${again}<a href="${redirectUrl}">Go on to pay</a></p>`
    : html`<p class="next-step not-printed"><a class="button" href="${redirectUrl}">Go on to pay</a></p>`;
}

export function noOrderPage({ isSignedIn }: { isSignedIn: boolean }): Html {
  return html`<section class="narrow"><h1>This order cannot be shown</h1>
<p>The link may be too old or not whole, or the order belongs to ${isSignedIn ? 'another account' : 'an account'}. The link in a mail opens its order for 90 days; <a href="/find-order">have a new one sent</a>.</p>
<p class="row">${isSignedIn ? html`<a class="button" href="/account">Your orders</a>` : html`<a class="button" href="?sign-in=yes">Sign in to see it</a>`}
<a href="/">To the front page</a></p></section>`;
}

function putBackForm(orderId: string, key: string | undefined): Html {
  return html`<form class="next-step not-printed" method="post" action="/orders/${orderId}/again">${idempotencyField()}${key === undefined ? '' : html`<input type="hidden" name="key" value="${key}">`}
<button class="button" type="submit">Put these pieces back into the bag</button></form>`;
}

function orderLines(order: Order, variants: Map<string, VariantInfo>): Html {
  return html`<div><h2 class="hidden">Ordered</h2><ul class="lines">${order.lines.map(
    (line) => html`<li>${linePicture(variants.get(line.variantId))}
<div><div class="line-head"><h3><a href="/p/${line.productSlug}">${line.name}</a></h3><p class="price">${formatMoney(line.lineTotal.amount)}</p></div>
<p class="soft">${[line.color, line.size].filter(Boolean).join(' · ')}</p>
<p class="soft">${pieces(line.quantity)}${line.quantity > 1 ? html`, ${formatMoney(line.unitPrice.amount)} each` : ''}</p>
<p class="hint">${line.sku}</p></div></li>`,
  )}</ul></div>`;
}

/** Renders an address with the company and its VAT number, where it has them. */
export function addressLinesOf(address: z.infer<typeof OrderBillingAddressSchema>): Html {
  const { company, vatNumber } = address;
  return html`${company ? html`<bdi>${company}</bdi><br>` : ''}${postalAddress(address)}${vatNumber ? html`<p class="small">VAT number ${vatNumber}</p>` : ''}`;
}

/** The pages of staff use it too. */
export function postalAddress({
  name,
  line1,
  line2,
  postalCode,
  city,
  country,
}: Omit<ShippingAddress, 'line2'> & { line2?: string | undefined }): Html {
  const countryName = findCountry(country)?.name ?? country;
  return html`<address><bdi>${name}</bdi><br><bdi>${line1}</bdi><br>${line2 ? html`<bdi>${line2}</bdi><br>` : ''}<bdi>${postalCode} ${city}</bdi><br>${countryName}</address>`;
}

/** Offers an account only after the purchase, so that it delays nobody. */
function accountOffer(email: string): Html {
  return html`<section class="section promises not-printed" aria-labelledby="offer"><div><h2 id="offer">Come back more easily</h2></div>
<div><p>With an account you find your bag on every device and your orders in one place; this one too, if the account has the same e-mail.</p></div>
<p><a class="button quiet" href="/sign-up?${new URLSearchParams({ email })}">Create account</a></p></section>`;
}

// Renders what an order costs: goods, discount, delivery, the VAT within, and the total.

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

/** Rows of a description list. The caller puts them into `<dl class="sums">`. */
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
