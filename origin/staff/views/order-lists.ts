// Renders lists of orders, returns and customers for staff.
import { describeProgress } from '../../order/life/describe-life.ts';
import type { StaffOrder } from '../../order/life/staff-orders.ts';
import type { StaffReturn } from '../../order/life/staff-queues.ts';
import type { Withdrawal } from '../../order/withdrawal.ts';
import { formatDay, formatMoney } from '../../web/money.ts';
import type { FormValues } from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { PageVisitor } from '../../web/page/layout.ts';
import type { Customer, CustomerDetail } from '../customers.ts';
import { minutesOf, selectField, staffLayout } from './staff-layout.ts';
import { pieces } from './to-ship.ts';

interface OrdersPage {
  visitor: PageVisitor;
  /** Filters as they appear in the address. */
  filter: FormValues;
  items: StaffOrder[];
  nextUrl: string | undefined;
  fault?: string | undefined;
}

const anything: [string, string] = ['', 'All'];

export function ordersPage({ visitor, filter, items, nextUrl, fault }: OrdersPage): Html {
  const value = (name: string) => filter[name] ?? '';
  return staffLayout(
    { title: 'Orders', visitor, here: '/staff/orders' },
    html`<h1>Orders</h1>
<form class="fields filter" action="/staff/orders" role="search" aria-label="Orders">
<div class="field all"><label for="staff-q">Number, e-mail, name or SKU</label><input class="input" id="staff-q" name="q" type="search" value="${value('q')}" maxlength="200"></div>
${selectField('status', 'Order', value('status'), [anything, ['placed', 'Not paid yet'], ['paid', 'Paid'], ['cancelled', 'Cancelled']])}
${selectField('fulfilment', 'Shipping', value('fulfilment'), [anything, ['open', 'To ship'], ['partly-shipped', 'Partly shipped'], ['shipped', 'Shipped'], ['delivered', 'Delivered']])}
${selectField('payment', 'Payment', value('payment'), [anything, ['pending', 'Open'], ['authorised', 'Authorised'], ['paid', 'Paid'], ['failed', 'Refused'], ['unknown', 'Unclear'], ['reserved', 'Not begun']])}
<div class="field"><label for="from">From</label><input class="input" id="from" name="from" type="date" value="${value('from')}"></div>
<div class="field"><label for="to">To</label><input class="input" id="to" name="to" type="date" value="${value('to')}"></div>
<p class="field filter-end"><button class="button" type="submit">Find</button></p></form>
${fault === undefined ? '' : html`<div class="notice" role="alert"><p>${fault}</p></div>`}
${orderTable(items, items.length === 0 ? 'Nothing found' : 'Newest first')}
${nextUrl ? html`<p><a class="button quiet" href="${nextUrl}">More</a></p>` : ''}`,
  );
}

function orderTable(items: StaffOrder[], caption: string): Html {
  return html`<table class="rows cards"><caption>${caption}</caption>
<thead><tr><th scope="col">Order</th><th scope="col">Customer</th><th scope="col">State</th><th class="number" scope="col">Total</th></tr></thead>
<tbody>${items.map(
    (
      order,
    ) => html`<tr><th scope="row"><a href="/staff/orders/${order.id}">${order.number}</a><br><span class="hint">${minutesOf(order.placedAt)}</span></th>
<td><bdi>${order.shippingAddress?.name ?? 'Deleted'}</bdi><br><span class="hint">${order.email ?? ''}</span></td>
<td class="whole">${describeProgress(order)}</td><td class="number">${formatMoney(order.total.amount)}</td></tr>`,
  )}</tbody></table>`;
}

interface ReturnsPage {
  visitor: PageVisitor;
  status: string;
  items: StaffReturn[];
  nextUrl: string | undefined;
  /** The newest withdrawals. */
  withdrawals: Withdrawal[];
}

export const returnStatusNames: Record<string, string> = {
  requested: 'Announced',
  received: 'Received',
  refunded: 'Refunded',
  refused: 'Refused',
};

export function returnsPage(page: ReturnsPage): Html {
  const { visitor, status, items, nextUrl, withdrawals } = page;
  return staffLayout(
    { title: 'Returns', visitor, here: '/staff/returns' },
    html`<h1>Returns</h1>
<form class="row" action="/staff/returns" role="search" aria-label="Returns">
${selectField('status', 'State', status, Object.entries(returnStatusNames))}
<button class="button" type="submit">Show</button></form>
<table class="rows cards"><caption>${items.length === 0 ? 'Nothing here' : 'Oldest first'}</caption>
<thead><tr><th scope="col">Return</th><th scope="col">Customer</th><th scope="col">Reason</th><th class="number" scope="col">Pieces</th></tr></thead>
<tbody>${items.map(
      (
        one,
      ) => html`<tr><th scope="row"><a href="/staff/orders/${one.orderId}#return-${one.id}">${one.number}</a><br><span class="hint">${formatDay(one.requestedAt)}</span></th>
<td>${one.email ?? 'Deleted'}</td><td><bdi>${one.reason}</bdi></td><td class="number">${pieces(one.pieces)}</td></tr>`,
    )}</tbody></table>
${nextUrl ? html`<p><a class="button quiet" href="${nextUrl}">More</a></p>` : ''}
${withdrawalTable(withdrawals)}`,
  );
}

/** Withdrawals that customers declared by the legal form. Staff cancel the order, or expect the pieces back. */
function withdrawalTable(withdrawals: Withdrawal[]): Html | '' {
  if (withdrawals.length === 0) return '';
  return html`<table class="rows cards"><caption>Withdrawals, newest first</caption>
<thead><tr><th scope="col">Order</th><th scope="col">Customer</th><th scope="col">Pieces</th></tr></thead>
<tbody>${withdrawals.map(
    ({ order, orderId, name, email, pieces, declaredAt }) =>
      html`<tr><th scope="row">${orderId === undefined ? html`<bdi>${order}</bdi><br><span class="hint">No such order</span>` : html`<a href="/staff/orders/${orderId}"><bdi>${order}</bdi></a>`}<br><span class="hint">${minutesOf(declaredAt.toISOString())}</span></th>
<td><bdi>${name || 'Deleted'}</bdi><br><span class="hint">${email}</span></td><td><bdi>${pieces || 'The whole order'}</bdi></td></tr>`,
  )}</tbody></table>`;
}

interface CustomersPage {
  visitor: PageVisitor;
  q: string;
  items: Customer[];
  nextUrl: string | undefined;
}

export function customersPage({ visitor, q, items, nextUrl }: CustomersPage): Html {
  return staffLayout(
    { title: 'Customers', visitor, here: '/staff/customers' },
    html`<h1>Customers</h1>
<form class="row" action="/staff/customers" role="search" aria-label="Customers">
<label for="staff-q">How the e-mail begins</label><input class="input" id="staff-q" name="q" type="search" value="${q}" maxlength="200">
<button class="button" type="submit">Find</button></form>
<table class="rows"><caption>${items.length === 0 ? 'Nothing found' : 'By e-mail'}</caption>
<thead><tr><th scope="col">Customer</th><th scope="col">Kind</th><th class="number" scope="col">Orders</th></tr></thead>
<tbody>${items.map(
      (
        one,
      ) => html`<tr><th scope="row"><a href="/staff/customers/${one.id}">${one.email}</a><br><span class="hint">${one.name ?? ''}</span></th>
<td class="whole">${one.kind === 'account' ? 'Account' : 'Guest'}</td><td class="number">${one.orderCount}</td></tr>`,
    )}</tbody></table>
${nextUrl ? html`<p><a class="button quiet" href="${nextUrl}">More</a></p>` : ''}`,
  );
}

export function customerPage(visitor: PageVisitor, customer: CustomerDetail): Html {
  const { email, name, kind, orders } = customer;
  return staffLayout(
    { title: email, visitor, here: '/staff/customers' },
    html`<h1>${email}</h1>
<p>${[name, kind === 'account' ? 'Account' : 'Guest'].filter(Boolean).join(' · ')}${customer.since === undefined ? '' : ` since ${formatDay(customer.since)}`}</p>
<p>Bought for <strong>${formatMoney(customer.spent.amount)}</strong>, after refunds.</p>
${orderTable(orders, orders.length === 0 ? 'No orders yet' : 'Orders, newest first')}`,
  );
}
