// Renders the orders to ship: the queue with its scan field, the pick list and the packing slip.
// The last two are for printing.

import { formatDayOfWeek } from '../../checkout/delivery-dates.ts';
import type { StaffOrder } from '../../order/life/staff-orders.ts';
import { countToShip, type PickedLine } from '../../order/life/staff-queues.ts';
import { postalAddress } from '../../order/views/order.ts';
import { formatDay } from '../../web/money.ts';
import { notice } from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { PageVisitor } from '../../web/page/layout.ts';
import { minutesOf, staffLayout } from './staff-layout.ts';

export interface ToShipPage {
  visitor: PageVisitor;
  items: StaffOrder[];
  nextUrl: string | undefined;
  /** The scanned text. */
  scan: string;
  /** ISO 8601. */
  today: string;
}

export const pieces = (count: number) => (count === 1 ? '1 piece' : `${count} pieces`);

export function toShipPage({ visitor, items, nextUrl, scan, today }: ToShipPage): Html {
  const isLate = ({ promised }: StaffOrder) => promised !== undefined && promised.to < today;
  return staffLayout(
    { title: 'To ship', visitor, here: '/staff/to-ship' },
    html`<div class="page-head"><h1>To ship</h1><p><a class="button quiet" href="/staff/to-ship/pick-list">Pick list</a></p></div>
<form class="row" action="/staff/to-ship" role="search" aria-label="Scan">
<label for="scan">Scan or type an SKU, a barcode or an order number</label><input class="input" id="scan" name="scan" value="${scan}" maxlength="200" autocomplete="off" autofocus>
<button class="button" type="submit">Find</button></form>
${scan !== '' && items.length === 0 ? notice(`Nothing to ship has “${scan}”.`) : ''}
<table class="rows cards"><caption>${items.length === 0 ? 'Nothing here' : scan === '' ? 'Oldest first' : `With ${scan}, oldest first`}</caption>
<thead><tr><th scope="col">Order</th><th scope="col">To</th><th scope="col">Arrives</th><th class="number" scope="col">Pieces</th></tr></thead>
<tbody>${items.map(
      (
        order,
      ) => html`<tr><th scope="row"><a href="/staff/orders/${order.id}#ship">${order.number}</a><br><span class="hint">${minutesOf(order.placedAt)}</span></th>
<td><bdi>${order.shippingAddress?.name ?? 'Deleted'}</bdi><br><span class="hint">${[order.shippingAddress?.country, order.shipping.name].filter(Boolean).join(', ')}</span></td>
<td>${order.promised === undefined ? '' : html`${formatDayOfWeek(order.promised.to)}${isLate(order) ? html`<br><strong class="wrong">Late</strong>` : ''}`}</td>
<td class="number">${pieces(countToShip(order))}<br><a class="small" href="/staff/orders/${order.id}/packing-slip">Slip<span class="hidden"> of ${order.number}</span></a></td></tr>`,
    )}</tbody></table>
${nextUrl ? html`<p><a class="button quiet" href="${nextUrl}">More</a></p>` : ''}`,
  );
}

export function pickListPage(visitor: PageVisitor, lines: PickedLine[], orders: StaffOrder[]): Html {
  const count = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  return staffLayout(
    { title: 'Pick list', visitor, here: '/staff/to-ship' },
    html`<div class="page-head"><h1>Pick list</h1>${printButton()}</div>
<p>${pieces(count)} for the ${orders.length === 1 ? 'oldest order' : `${orders.length} oldest orders`} that ${orders.length === 1 ? 'is' : 'are'} to be shipped.</p>
<table class="rows"><caption class="hidden">Pieces by SKU</caption>
<thead><tr><th scope="col">Piece</th><th scope="col">For</th><th class="number" scope="col">Pieces</th></tr></thead>
<tbody>${lines.map(
      (
        line,
      ) => html`<tr><th scope="row"><strong>${line.sku}</strong><br>${[line.name, line.color, line.size].filter(Boolean).join(', ')}</th>
<td class="small">${line.orders.map((order, at) => html`${at > 0 ? ', ' : ''}${order.number}${order.quantity > 1 ? ` (${order.quantity})` : ''}`)}</td>
<td class="number"><strong>${line.quantity}</strong> <span class="tick" aria-hidden="true"></span></td></tr>`,
    )}</tbody></table>`,
  );
}

/** Lists the pieces still to ship; for a shipped order, all of them. */
export function packingSlipPage(visitor: PageVisitor, order: StaffOrder, returnDays: number): Html {
  const left = countToShip(order);
  const lines = order.lines
    .map((line) => ({
      line,
      count: left > 0 ? line.quantity - line.shipped - line.cancelled : line.quantity - line.cancelled,
    }))
    .filter(({ count }) => count > 0);
  return staffLayout(
    { title: `Packing slip ${order.number}`, visitor, here: '/staff/to-ship' },
    html`<div class="page-head"><h1>Packing slip</h1>${printButton()}</div>
<div class="panels slip"><section aria-labelledby="to"><h2 class="label" id="to">Ships to</h2>${order.shippingAddress === null ? html`<p>Deleted</p>` : postalAddress(order.shippingAddress)}</section>
<dl class="sums"><dt>Order</dt><dd>${order.number}</dd><dt>Placed</dt><dd>${formatDay(order.placedAt)}</dd><dt>Delivery</dt><dd>${order.shipping.name}</dd></dl></div>
<table class="rows"><caption class="hidden">In this parcel</caption>
<thead><tr><th scope="col">Piece</th><th class="number" scope="col">Pieces</th></tr></thead>
<tbody>${lines.map(({ line, count }) => html`<tr><th scope="row">${[line.name, line.color, line.size].filter(Boolean).join(', ')}<br><span class="hint">${line.sku}</span></th><td class="number"><strong>${count}</strong> <span class="tick" aria-hidden="true"></span></td></tr>`)}</tbody></table>
<p>${pieces(lines.reduce((sum, { count }) => sum + count, 0))}. Something does not fit? You can send it back within ${returnDays} days of delivery: open your order by the link in its mail, or write to us.</p>`,
  );
}

function printButton(): Html {
  return html`<button class="button quiet not-printed" type="button" data-print hidden>Print</button>`;
}
