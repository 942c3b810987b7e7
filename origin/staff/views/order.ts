// Renders one order for staff: lines, addresses, money, parcels, returns, history, and a form for each action.

import { formatRate } from '../../checkout/delivery-dates.ts';
import { signedInField } from '../../identity/page-frame.ts';
import { describeProgress, eventNames, refundNames } from '../../order/life/describe-life.ts';
import type { StaffOrderDetail } from '../../order/life/staff-orders.ts';
import { addressLinesOf, postalAddress } from '../../order/views/order.ts';
import { formatDay, formatMoney } from '../../web/money.ts';
import { type FormValues, faultSummary, field, idempotencyField } from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { PageVisitor } from '../../web/page/layout.ts';
import { returnStatusNames } from './order-lists.ts';
import { minutesOf, staffLayout } from './staff-layout.ts';

export interface StaffOrderPage {
  visitor: PageVisitor;
  order: StaffOrderDetail;
  /** By refund: why it is not done. */
  refundFaults: Map<string, string>;
  entered?: FormValues | undefined;
  refused?: string | undefined;
}

type Line = StaffOrderDetail['lines'][number];

export function staffOrderPage(page: StaffOrderPage): Html {
  const { visitor, order, refused } = page;
  const { number, email, shippingAddress, billingAddress } = order;
  return staffLayout(
    {
      title: refused === undefined ? `Order ${number}` : `Error: Order ${number}`,
      visitor,
      here: '/staff/orders',
    },
    html`<div class="page-head"><h1>Order ${number}</h1><p>${describeProgress(order)}</p></div>
${faultSummary({}, { refused })}
${lineTable(order)}
<div class="panels">
${section(
  'customer',
  'Customer',
  html`${shippingAddress === null ? html`<p>Deleted</p>` : postalAddress(shippingAddress)}${billingAddress === null ? '' : html`<h3 class="label">Invoice to</h3>${addressLinesOf(billingAddress)}`}${email === null ? '' : html`<p><a href="/staff/orders?${new URLSearchParams({ q: email })}">${email}</a></p>`}
<p class="soft">Placed ${minutesOf(order.placedAt)} UTC · ${order.shipping.name}</p>`,
)}
${moneySection(page)}
${shipSection(page)}
${order.shipments.map((shipment, at) => shipmentSection(order, shipment, at))}
${order.returns.map((returned) => returnSection(page, returned))}
${refundSection(page)}
${cancelSection(page)}
</div>
${history(order)}`,
  );
}

function section(id: string, heading: string, content: Html): Html {
  return html`<section class="panel" aria-labelledby="${id}"><h2 id="${id}">${heading}</h2>${content}</section>`;
}

function deedForm(order: StaffOrderDetail, deed: string, content: Html): Html {
  return html`<form class="fields" method="post" action="/staff/orders/${order.id}">${idempotencyField()}${signedInField()}<input type="hidden" name="deed" value="${deed}">${content}</form>`;
}

function nameOf({ name, color, size }: Line): string {
  return [name, color, size].filter(Boolean).join(', ');
}

function toShip({ quantity, shipped, cancelled }: Line): number {
  return quantity - shipped - cancelled;
}

function lineTable({ lines, total, shipping, discount, tax }: StaffOrderDetail): Html {
  const sum = (what: Html | string, amount: Html | string) =>
    html`<tr><th scope="row">${what}</th><td class="number">${amount}</td></tr>`;
  return html`<table class="rows"><caption>Pieces</caption>
<thead><tr><th scope="col">Piece</th><th class="number" scope="col">Price</th></tr></thead>
<tbody>${lines.map(
    (
      line,
    ) => html`<tr><th scope="row">${line.quantity} × <a href="/p/${line.productSlug}">${nameOf(line)}</a><br><span class="hint">${line.sku}${describeMoved(line)}</span></th>
<td class="number">${formatMoney(line.lineTotal.amount)}</td></tr>`,
  )}
${sum(`Delivery, ${shipping.name}`, formatMoney(shipping.price.amount))}
${discount === undefined ? '' : sum(`Code ${discount.code}`, `−${formatMoney(discount.amount.amount)}`)}
${sum(html`<strong>Total, VAT included</strong>`, html`<strong>${formatMoney(total.amount)}</strong>`)}
${tax.map((vat) => sum(`of which VAT ${formatRate(vat.rate)}`, formatMoney(vat.tax.amount)))}</tbody></table>`;
}

function describeMoved({ shipped, cancelled, returned }: Line): string {
  const moved: [number, string][] = [
    [shipped, 'shipped'],
    [cancelled, 'cancelled'],
    [returned, 'back or announced'],
  ];
  return moved
    .filter(([count]) => count > 0)
    .map(([count, what]) => ` · ${count} ${what}`)
    .join('');
}

function refundedOf({ refunds }: StaffOrderDetail): number {
  return refunds.reduce((sum, { amount }) => sum + amount.amount, 0);
}

const paymentNames: Record<string, string> = {
  reserved: 'Not begun',
  pending: 'Open',
  authorised: 'Authorised; taken when the first parcel leaves',
  paid: 'Paid',
  failed: 'Not paid',
  unknown: 'Unclear',
};

function moneySection({ order, refundFaults, entered = {} }: StaffOrderPage): Html {
  const { payment, paid, total, refunds } = order;
  const due = total.amount - paid.amount;
  const isTaken = payment.provider === 'on-delivery' && order.status !== 'cancelled' && due > 0;
  return section(
    'money',
    'Money',
    html`<dl class="sums"><dt>Payment</dt><dd>${paymentNames[payment.status] ?? payment.status} (${payment.provider})</dd>
<dt>Taken</dt><dd>${formatMoney(paid.amount)}</dd><dt>Paid back</dt><dd>${formatMoney(refundedOf(order))}</dd></dl>
${paid.amount > 0 ? html`<p>${documentLinks(order.id, 'invoice', 'Invoice')}</p>` : ''}
${disputeList(order)}
${payment.status === 'unknown' ? html`<p><a href="/staff/payments">Decide this payment</a></p>` : ''}
${
  refunds.length === 0
    ? ''
    : html`<ul class="records">${refunds.map(
        ({
          id,
          amount,
          reason,
          status,
          at,
        }) => html`<li><span>${formatMoney(amount.amount)}: ${status === 'unknown' ? 'Unclear' : refundNames[status]}<br>
<span class="soft small">${[formatDay(at), reason, refundFaults.get(id)].filter(Boolean).join(' · ')}</span><br>
<span class="small">${documentLinks(order.id, `credit-note-${id}`, 'Credit note')}</span></span>
${status === 'done' ? '' : html`<span class="row">${oneButton(order, 'ask-refund', 'Try again', id)}${oneButton(order, 'refund-done', 'It was paid back', id)}</span>`}</li>`,
      )}</ul>`
}
${
  isTaken
    ? deedForm(
        order,
        'take-money',
        html`${field({ name: 'door-amount', label: 'Money taken at the door (EUR)', value: entered['door-amount'] ?? inEuros(due), maxLength: 12 })}
${field({ name: 'door-reference', label: 'Receipt number', value: entered['door-reference'], required: false, maxLength: 100 })}
<p><button class="button quiet" type="submit">Note money</button></p>`,
      )
    : ''
}`,
  );
}

const disputeNames: Record<string, string> = {
  inquiry: 'The bank asks about the payment',
  open: 'Disputed: the bank has taken the money for now',
  won: 'Dispute over, in our favour',
  lost: 'Dispute lost: the bank keeps the money',
};

/** A disputed amount cannot be refunded as well. */
function disputeList({ disputes }: StaffOrderDetail): Html | '' {
  if (disputes.length === 0) return '';
  return html`<ul class="records">${disputes.map(
    ({ id, amount, reason, state, dueBy }) =>
      html`<li><span>${formatMoney(amount.amount)}: ${disputeNames[state] ?? state}<br>
<span class="soft small">${[reason.replaceAll('_', ' '), dueBy && state !== 'won' && state !== 'lost' ? `answer at Stripe by ${formatDay(dueBy)}` : '', id].filter(Boolean).join(' · ')}</span></span></li>`,
  )}</ul>`;
}

function documentLinks(orderId: string, name: string, label: string): Html {
  const address = `/staff/orders/${orderId}/documents/${name}`;
  return html`${label}: <a href="${address}.pdf">PDF<span class="hidden"> of the ${label.toLowerCase()}</span></a>, <a href="${address}.xml">XML<span class="hidden"> of the ${label.toLowerCase()}</span></a>`;
}

function oneButton(order: StaffOrderDetail, deed: string, label: string, refund: string): Html {
  return html`<form method="post" action="/staff/orders/${order.id}">${idempotencyField()}${signedInField()}<input type="hidden" name="refund" value="${refund}"><button class="button quiet" type="submit" name="deed" value="${deed}">${label}</button></form>`;
}

function inEuros(amount: number): string {
  return (amount / 100).toFixed(2);
}

/** One number field for each line with pieces left to choose. */
function pieceFields(
  lines: [Line, most: number][],
  prefix: string,
  value: (line: Line, most: number) => string,
): Html {
  return html`${lines.map(([line, most]) => {
    const name = `${prefix}-${line.variantId}`;
    return html`<div class="field"><label for="${name}">${nameOf(line)} <span class="soft">(of ${most})</span></label>
<input class="input quantity" id="${name}" name="${name}" type="number" inputmode="numeric" min="0" max="${most}" value="${value(line, most)}"></div>`;
  })}`;
}

function shipSection({ order, entered = {} }: StaffOrderPage): Html | '' {
  const left = order.lines
    .map((line): [Line, number] => [line, toShip(line)])
    .filter(([, pieces]) => pieces > 0);
  const mayLeave =
    order.status === 'paid' ||
    (order.status === 'placed' && order.payment.status === 'authorised') ||
    (order.status === 'placed' && order.payment.provider === 'on-delivery');
  if (left.length === 0 || !mayLeave) return '';
  return section(
    'ship',
    'Ship',
    deedForm(
      order,
      'ship',
      html`${pieceFields(left, 'ship', ({ variantId }, most) => entered[`ship-${variantId}`] ?? String(most))}
${field({ name: 'carrier', label: 'Carrier', value: entered['carrier'] ?? order.shipments.at(-1)?.carrier, maxLength: 60 })}
${field({ name: 'tracking-number', label: 'Tracking number', value: entered['tracking-number'], required: false, maxLength: 100 })}
${field({ name: 'tracking-url', label: 'Address of the tracking page', value: entered['tracking-url'], required: false, maxLength: 500 })}
<p><button class="button" type="submit">Ship</button></p>`,
    ),
  );
}

function shipmentSection(
  order: StaffOrderDetail,
  shipment: StaffOrderDetail['shipments'][number],
  at: number,
): Html {
  const { id, carrier, trackingNumber, trackingUrl, shippedAt, deliveredAt, lines } = shipment;
  const names = new Map(order.lines.map((line) => [line.variantId, nameOf(line)]));
  const name = `delivered-${id}`;
  return section(
    `parcel-${id}`,
    `Parcel ${at + 1}`,
    html`<p>${[carrier, trackingNumber].filter(Boolean).join(' · ')}${trackingUrl === undefined ? '' : html` · <a href="${trackingUrl}" rel="noopener noreferrer">Track</a>`}<br>
<span class="soft">Shipped ${minutesOf(shippedAt)}${deliveredAt === undefined ? '' : `, delivered ${minutesOf(deliveredAt)}`}</span></p>
<ul class="plain">${lines.map((line) => html`<li>${line.quantity} × ${names.get(line.variantId) ?? line.variantId}</li>`)}</ul>
${
  deliveredAt === undefined
    ? deedForm(
        order,
        'deliver',
        html`<input type="hidden" name="shipment" value="${id}"><div class="field"><label for="${name}">Delivered on</label><input class="input" id="${name}" name="delivered" type="date" value="${new Date().toISOString().slice(0, 10)}" required></div>
<p><button class="button quiet" type="submit">Mark as delivered</button></p>`,
      )
    : ''
}`,
  );
}

function returnSection(
  { order, entered = {} }: StaffOrderPage,
  returned: StaffOrderDetail['returns'][number],
): Html {
  const { id, number, status, requestedAt } = returned;
  const lines = returned.lines.flatMap((part): [Line, number][] => {
    const line = order.lines.find(({ variantId }) => variantId === part.variantId);
    return line === undefined ? [] : [[line, part.quantity]];
  });
  const forms = html`${deedForm(
    order,
    'receive-return',
    html`<input type="hidden" name="return" value="${id}">
${pieceFields(lines, `received-${id}`, ({ variantId }, most) => entered[`received-${id}-${variantId}`] ?? String(most))}
<label class="radio"><input type="checkbox" name="restock" value="yes" checked><span>They can be sold again</span></label>
<p><button class="button" type="submit">Received: pay back</button></p>`,
  )}
<details><summary>Refuse this return</summary>${deedForm(
    order,
    'refuse-return',
    html`<input type="hidden" name="return" value="${id}">
${field({ name: `refusal-${id}`, label: 'Reason; the shopper reads it', value: entered[`refusal-${id}`], maxLength: 500 })}
<p><button class="button quiet" type="submit">Refuse</button></p>`,
  )}</details>`;
  return section(
    `return-${id}`,
    `Return ${number}`,
    html`<p>${returnStatusNames[status] ?? status} <span class="soft">${status === 'requested' ? `on ${formatDay(requestedAt)}` : `· announced on ${formatDay(requestedAt)}`}</span></p>
${status === 'requested' ? forms : html`<ul class="plain">${lines.map(([line, pieces]) => html`<li>${pieces} × ${nameOf(line)}</li>`)}</ul>`}`,
  );
}

function refundSection({ order, entered = {} }: StaffOrderPage): Html | '' {
  const isAuthorised = order.payment.status === 'authorised' && order.status !== 'cancelled';
  const left = isAuthorised ? order.total.amount : order.paid.amount - refundedOf(order);
  if (left <= 0) return '';
  const out = order.lines
    .map((line): [Line, number] => [line, line.quantity - line.cancelled - line.returned])
    .filter(([, pieces]) => pieces > 0 && order.status !== 'cancelled');
  const form = deedForm(
    order,
    'refund',
    html`${field({ name: 'refund-amount', label: `Amount (EUR, at most ${inEuros(left)})`, value: entered['refund-amount'], maxLength: 12 })}
${field({ name: 'refund-reason', label: 'Reason; the shopper reads it', value: entered['refund-reason'], maxLength: 500 })}
${out.length === 0 ? '' : html`<p class="hint">Pieces that go back into stock. What has not been shipped yet will not be.</p>`}
${pieceFields(out, 'restock', ({ variantId }) => entered[`restock-${variantId}`] ?? '0')}
<p><button class="button quiet" type="submit">${isAuthorised ? 'Take less' : 'Refund'}</button></p>`,
  );
  const [heading, summary] = isAuthorised
    ? ['Take less', 'Leave out a part before the money is taken']
    : ['Refund', 'Pay back a part or all'];
  return section(
    'refund',
    heading,
    html`<details${entered['deed'] === 'refund' ? html` open` : ''}><summary>${summary}</summary>${form}</details>`,
  );
}

function cancelSection({ order, entered = {} }: StaffOrderPage): Html | '' {
  if (order.status === 'cancelled' || order.shipments.length > 0) return '';
  const form = deedForm(
    order,
    'cancel',
    html`${field({ name: 'cancel-reason', label: 'Reason', value: entered['cancel-reason'], maxLength: 500 })}
<p><button class="button quiet" type="submit">Cancel the whole order</button></p>`,
  );
  return section(
    'cancel',
    'Cancel',
    html`<details${entered['deed'] === 'cancel' ? html` open` : ''}><summary>Money and pieces go back</summary>${form}</details>`,
  );
}

function history({ events }: StaffOrderDetail): Html {
  return html`<section aria-labelledby="history"><h2 id="history">History</h2><ol class="records">${events.map(
    ({
      at,
      who,
      what,
      detail,
    }) => html`<li><span>${eventNames[what] ?? what}<br><bdi class="soft small">${detail}</bdi></span>
<span class="soft small"><time datetime="${at}">${minutesOf(at)}</time> · ${who}</span></li>`,
  )}</ol></section>`;
}
