// Renders what happened to an order since it was placed, and what its buyer can do: cancel it or send pieces back.
import { formatDay, formatMoney } from '../../web/money.ts';
import { type FormValues, idempotencyField } from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import {
  canBeCancelled,
  type Returnable,
  refundNames,
  returnNames,
  shopperEventNames,
} from '../life/describe-life.ts';
import type { OrderEvent } from '../life/staff-orders.ts';
import type { Order } from '../order.ts';

export interface AfterPurchase {
  order: Order;
  returnable: Returnable | undefined;
  events: OrderEvent[];
  /** Form values that were refused. */
  entered?: FormValues | undefined;
  /** The key of the mail's link by which the order was opened. */
  key?: string | undefined;
}

export function afterPurchase(page: AfterPurchase): Html {
  const { order } = page;
  return html`${parcels(order)}${refunds(order, page.key)}${returns(order)}${sendBackForm(page)}${cancelForm(page)}${withdrawalLink(order)}${history(page.events)}`;
}

function parcels({ shipments, lines }: Order): Html | '' {
  if (shipments.length === 0) return '';
  const names = namesOf(lines);
  return html`<section class="panel" aria-labelledby="parcels"><h2 id="parcels">${shipments.length === 1 ? 'Your parcel' : 'Your parcels'}</h2>
<ul class="records">${shipments.map(
    (
      shipment,
    ) => html`<li><span><strong>${shipment.deliveredAt === undefined ? `On its way since ${formatDay(shipment.shippedAt)}` : `Delivered on ${formatDay(shipment.deliveredAt)}`}</strong><br>
<span class="soft small">${[shipment.carrier, shipment.trackingNumber].filter(Boolean).join(' · ')}<br>${listPieces(shipment.lines, names)}</span></span>
${shipment.trackingUrl === undefined ? '' : html`<a class="button quiet not-printed" href="${shipment.trackingUrl}" rel="noopener noreferrer">Track parcel<span class="hidden">: ${shipment.carrier}</span></a>`}</li>`,
  )}</ul></section>`;
}

/** Builds the query that links need when the shopper came by a mail's link. */
export function keyQuery(key: string | undefined): string {
  return key === undefined ? '' : `?${new URLSearchParams({ key })}`;
}

function refunds({ id: orderId, refunds: all }: Order, key: string | undefined): Html | '' {
  if (all.length === 0) return '';
  return html`<section class="panel" aria-labelledby="refunds"><h2 id="refunds">Refunds</h2>
<ul class="records">${all.map(
    ({ id, amount, reason, status, at }) => html`<li><span>${refundNames[status] ?? status}<br>
<span class="soft small">${[formatDay(at), reason].filter(Boolean).join(' · ')}</span><br>
<a class="small not-printed" href="/api/orders/${orderId}/refunds/${id}/credit-note${keyQuery(key)}">Credit note (PDF)</a></span><span class="price">${formatMoney(amount.amount)}</span></li>`,
  )}</ul></section>`;
}

function returns({ returns: all, lines }: Order): Html | '' {
  if (all.length === 0) return '';
  const names = namesOf(lines);
  return html`<section class="panel" aria-labelledby="returns"><h2 id="returns">Returns</h2>
<ul class="records">${all.map(
    (one) => html`<li><span><strong>${returnNames[one.status] ?? one.status}</strong><br>
<span class="soft small">${formatDay(one.requestedAt)}<br>${listPieces(one.lines, names)}</span>
${one.status === 'requested' ? html`<br><span class="small">Write <strong>${one.number}</strong> on the parcel, or put the number inside.</span>` : ''}</span></li>`,
  )}</ul></section>`;
}

function namesOf(lines: Order['lines']): Map<string, string> {
  return new Map(
    lines.map(({ variantId, name, color, size }) => [
      variantId,
      [name, color, size].filter(Boolean).join(', '),
    ]),
  );
}

function listPieces(lines: { variantId: string; quantity: number }[], names: Map<string, string>): string {
  return lines.map(({ variantId, quantity }) => `${quantity} × ${names.get(variantId) ?? ''}`).join('; ');
}

function sendBackForm({ order, returnable, entered = {}, key }: AfterPurchase): Html | '' {
  if (returnable === undefined) return '';
  const isOpen = entered['do'] === 'send-back';
  return html`<section class="panel not-printed" aria-labelledby="send-back"><h2 id="send-back">Send back</h2>
<p class="soft">${returnable.until === undefined ? 'You can send back what does not fit.' : `You can send back what does not fit until ${formatDay(returnable.until.toISOString())}.`}</p>
<details${isOpen ? html` open` : ''}><summary>Choose pieces</summary>
<form class="fields" method="post" action="/orders/${order.id}">${formFields('send-back', key)}
${returnable.lines.map(({ line, quantity }) => {
  const name = `back-${line.variantId}`;
  return html`<div class="field"><label for="${name}">${[line.name, line.color, line.size].filter(Boolean).join(', ')}</label>
<select class="input" id="${name}" name="${name}">${Array.from({ length: Math.min(quantity, 99) + 1 }, (_, count) => html`<option value="${count}"${entered[name] === String(count) ? html` selected` : ''}>${count === 0 ? 'Keep' : count === 1 ? 'Send back 1 piece' : `Send back ${count} pieces`}</option>`)}</select></div>`;
})}
<div class="field"><label for="back-reason">Reason <span class="soft">(optional)</span></label>
<input class="input" id="back-reason" name="back-reason" dir="auto" maxlength="500" value="${entered['back-reason'] ?? ''}"></div>
<p><button class="button" type="submit">Send back</button></p></form></details></section>`;
}

function cancelForm({ order, entered = {}, key }: AfterPurchase): Html | '' {
  if (!canBeCancelled(order)) return '';
  const isOpen = entered['do'] === 'cancel';
  return html`<section class="panel not-printed" aria-labelledby="cancel"><h2 id="cancel">Changed your mind?</h2>
<details${isOpen ? html` open` : ''}><summary>Cancel order</summary>
<form class="fields" method="post" action="/orders/${order.id}">${formFields('cancel', key)}
<p>Nothing has been sent yet. The whole order is cancelled${order.paid.amount > 0 ? html`, and ${formatMoney(order.paid.amount)} comes back by the way that you paid` : ''}. This cannot be undone.</p>
<div class="field"><label for="cancel-reason">Reason <span class="soft">(optional)</span></label>
<input class="input" id="cancel-reason" name="cancel-reason" dir="auto" maxlength="500" value="${entered['cancel-reason'] ?? ''}"></div>
<p><button class="button quiet" type="submit">Cancel the whole order</button></p></form></details></section>`;
}

/** By law the link stands at the order while a withdrawal is possible. Staff decide whether it is too late. */
function withdrawalLink({ number, status }: Order): Html | '' {
  if (status === 'cancelled') return '';
  return html`<p class="small not-printed"><a href="/withdrawal?${new URLSearchParams({ order: number })}">Withdraw from this contract</a></p>`;
}

function formFields(what: string, key: string | undefined): Html {
  return html`${idempotencyField()}<input type="hidden" name="do" value="${what}">${key === undefined ? '' : html`<input type="hidden" name="key" value="${key}">`}`;
}

/** Leaves out notes between staff and providers, and the shopper's own text. */
function history(events: OrderEvent[]): Html | '' {
  const told = events.filter(({ what }) => shopperEventNames[what] !== undefined);
  if (told.length < 2) return '';
  return html`<section class="panel" aria-labelledby="history"><h2 id="history">History</h2>
<ol class="records">${told.map(
    ({ at, what }) =>
      html`<li><span>${shopperEventNames[what]}</span><time class="soft small" datetime="${at}">${formatDay(at)}</time></li>`,
  )}</ol></section>`;
}

export function findOrderPage({
  values,
  fault,
  isSent,
}: {
  values: FormValues;
  fault?: string;
  isSent: boolean;
}): Html {
  return html`<section class="narrow"><h1>Find your order</h1>
${
  isSent
    ? html`<div class="notice good" role="status"><p>If there is such an order, a mail with its link is on its way to you. It may take a minute.</p></div>`
    : html`<p>Tell us the order’s number and your e-mail. We send you a link that opens it.</p>`
}
${fault === undefined ? '' : html`<div class="notice" role="alert"><p>${fault}</p></div>`}
<form class="fields" method="post" action="/find-order">${idempotencyField()}
<div class="field"><label for="number">Order number</label><input class="input" id="number" name="number" autocomplete="off" placeholder="MC-…" maxlength="40" value="${values['number'] ?? ''}" required></div>
<div class="field"><label for="email">E-mail</label><input class="input" id="email" name="email" type="email" autocomplete="email" maxlength="254" value="${values['email'] ?? ''}" required></div>
<p><button class="button" type="submit">Send me the link</button></p></form>
<p class="soft">With an account you find your orders <a href="/account">there</a>.</p></section>`;
}
