// Renders the staff's reports: sales with their chart, variants that sell out, and the VAT of a quarter.

import { formatRate } from '../../checkout/delivery-dates.ts';
import type { SalesGroup, SalesRow, ScarceVariant, VatRow } from '../../order/reports.ts';
import { findCountry } from '../../order/shipping-address.ts';
import { formatMoney } from '../../web/money.ts';
import { notice } from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { PageVisitor } from '../../web/page/layout.ts';
import { selectField, staffLayout } from './staff-layout.ts';

export interface ReportsPage {
  visitor: PageVisitor;
  by: SalesGroup;
  /** First and last day. */
  from: string;
  to: string;
  sales: SalesRow[];
  sellingOut: ScarceVariant[];
  quarter: string;
  quarters: string[];
  vat: VatRow[];
  fault?: string;
}

const groupNames: Record<SalesGroup, string> = {
  day: 'Day',
  product: 'Product',
  category: 'Category',
  country: 'Country',
};

export function reportsPage(page: ReportsPage): Html {
  return staffLayout(
    { title: 'Reports', visitor: page.visitor, here: '/staff/reports' },
    html`<h1>Reports</h1>
${page.fault === undefined ? '' : notice(page.fault)}
${salesSection(page)}
${sellingOutSection(page.sellingOut)}
${vatSection(page)}`,
  );
}

/** The name that people read. */
function nameOf(by: SalesGroup, name: string): string {
  return by === 'country' ? (findCountry(name)?.name ?? name) : name;
}

function salesSection({ by, from, to, sales, quarter }: ReportsPage): Html {
  const query = new URLSearchParams({ by, from, to });
  const sum = (of: 'orders' | 'pieces' | 'amount') => sales.reduce((all, row) => all + row[of], 0);
  return html`<section aria-labelledby="sales"><h2 id="sales">Sales</h2>
<form class="fields filter" action="/staff/reports"><input type="hidden" name="quarter" value="${quarter}">
${selectField('by', 'By', by, Object.entries(groupNames))}
<div class="field"><label for="from">From</label><input class="input" id="from" name="from" type="date" value="${from}"></div>
<div class="field"><label for="to">To</label><input class="input" id="to" name="to" type="date" value="${to}"></div>
<p class="field filter-end"><button class="button" type="submit">Show</button></p></form>
<p class="soft">Goods of orders placed in these days, after discounts, VAT included. Without delivery, cancelled orders and what came back.</p>
${
  sales.length === 0
    ? html`<p>Nothing was sold in these days.</p>`
    : html`<div class="scrolls" tabindex="0" role="region" aria-label="Chart of sales"><img class="chart" src="/staff/reports/sales.svg?${query}" alt="Sales by ${groupNames[by].toLowerCase()}, as in the table below" width="960" height="300"></div>
<table class="rows"><caption class="hidden">Sales by ${groupNames[by].toLowerCase()}</caption>
<thead><tr><th scope="col">${groupNames[by]}</th><th class="number" scope="col">Orders</th><th class="number" scope="col">Pieces</th><th class="number" scope="col">Amount</th></tr></thead>
<tbody>${sales.map((row) => html`<tr><th scope="row"><bdi>${nameOf(by, row.name)}</bdi></th><td class="number">${row.orders}</td><td class="number">${row.pieces}</td><td class="number">${formatMoney(row.amount)}</td></tr>`)}</tbody>
<tfoot><tr><th scope="row"><strong>All</strong></th><td class="number">${by === 'day' || by === 'country' ? sum('orders') : ''}</td><td class="number">${sum('pieces')}</td><td class="number"><strong>${formatMoney(sum('amount'))}</strong></td></tr></tfoot></table>`
}
<p><a class="button quiet" href="/staff/reports/sales.csv?${query}">Download as CSV</a></p></section>`;
}

function sellingOutSection(variants: ScarceVariant[]): Html {
  return html`<section aria-labelledby="selling-out"><h2 id="selling-out">Sells out</h2>
<p class="soft">Gone within two weeks, if it goes on selling as in the last 28 days.</p>
${
  variants.length === 0
    ? html`<p>Nothing sells out soon.</p>`
    : html`<table class="rows"><caption class="hidden">Pieces that sell out within two weeks</caption>
<thead><tr><th scope="col">Piece</th><th class="number" scope="col">Sold</th><th class="number" scope="col">Left</th><th class="number" scope="col">Days</th></tr></thead>
<tbody>${variants.map((one) => html`<tr><th scope="row"><a href="/staff/products/${one.productId}">${one.name}</a><br><span class="hint">${one.sku}</span></th><td class="number">${one.sold}</td><td class="number">${one.available}</td><td class="number">${one.available === 0 ? 'Sold out' : one.daysLeft}</td></tr>`)}</tbody></table>`
}</section>`;
}

function vatSection({ vat, quarter, quarters, by, from, to }: ReportsPage): Html {
  const sum = (of: (row: VatRow) => number) => vat.reduce((all, row) => all + of(row), 0);
  const amounts = (row: Pick<VatRow, 'salesNet' | 'salesVat' | 'refundsNet' | 'refundsVat'>) =>
    [row.salesNet - row.refundsNet, row.salesVat - row.refundsVat].map(
      (amount) => html`<td class="number">${formatMoney(amount)}</td>`,
    );
  return html`<section aria-labelledby="vat"><h2 id="vat">VAT</h2>
<form class="row" action="/staff/reports"><input type="hidden" name="by" value="${by}"><input type="hidden" name="from" value="${from}"><input type="hidden" name="to" value="${to}">
${selectField(
  'quarter',
  'Quarter',
  quarter,
  [...new Set([quarter, ...quarters])].map((one) => [one, one.replace('-', ' ')]),
)}
<button class="button" type="submit">Show</button></form>
<p class="soft">By the country that the parcels went to, from invoices less credit notes. A refund counts in its own quarter.</p>
${
  vat.length === 0
    ? html`<p>There are no invoices and no credit notes of this quarter.</p>`
    : html`<table class="rows"><caption class="hidden">VAT of ${quarter}</caption>
<thead><tr><th scope="col">Country</th><th class="number" scope="col">Rate</th><th class="number" scope="col">Net</th><th class="number" scope="col">VAT</th></tr></thead>
<tbody>${vat.map((row) => html`<tr><th scope="row">${nameOf('country', row.country)}</th><td class="number">${formatRate(row.rate)}</td>${amounts(row)}</tr>`)}</tbody>
<tfoot><tr><th scope="row"><strong>All</strong></th><td></td>${amounts({ salesNet: sum((row) => row.salesNet), salesVat: sum((row) => row.salesVat), refundsNet: sum((row) => row.refundsNet), refundsVat: sum((row) => row.refundsVat) })}</tr></tfoot></table>`
}
<p><a class="button quiet" href="/staff/reports/vat.csv?${new URLSearchParams({ quarter })}">Download as CSV</a></p></section>`;
}

const [width, height, left, bottom, top] = [960, 300, 84, 34, 16];
const mostBars = 62;

/** Renders the chart as an SVG file with colours for light and dark mode. Days without sales are bars of no height. */
export function salesChart(by: SalesGroup, sales: SalesRow[], days: string[]): string {
  const amountOf = new Map(sales.map((row) => [row.name, row.amount]));
  const names = by === 'day' ? groupDays(days) : sales.slice(0, 12).map(({ name }) => [name]);
  const bars = names.map((group) => ({
    label: by === 'day' ? group[0]!.slice(5) : nameOf(by, group[0]!),
    amount: group.reduce((sum, name) => sum + (amountOf.get(name) ?? 0), 0),
  }));
  const highest = niceCeiling(Math.max(1, ...bars.map(({ amount }) => amount)));
  const room = { width: (width - left - 8) / Math.max(1, bars.length), height: height - bottom - top };
  const y = (amount: number) => top + room.height - (amount / highest) * room.height;
  const lines = [0, 0.5, 1].map(
    (share) =>
      `<line x1="${left}" x2="${width - 8}" y1="${y(share * highest)}" y2="${y(share * highest)}" class="l"/><text x="${left - 8}" y="${y(share * highest) + 4}" text-anchor="end">${formatMoney(share * highest).replace(/\.00$/, '')}</text>`,
  );
  const every = Math.ceil(bars.length / (by === 'day' ? 10 : 12));
  const columns = bars.map(({ label, amount }, at) => {
    const x = left + at * room.width;
    const shown = label.length > 11 && by !== 'day' ? `${label.slice(0, 10)}…` : label;
    const text =
      at % every === 0
        ? `<text x="${(x + room.width / 2).toFixed(1)}" y="${height - 12}" text-anchor="middle">${escapeXml(shown)}</text>`
        : '';
    return `<rect x="${(x + room.width * 0.12).toFixed(1)}" y="${y(amount).toFixed(1)}" width="${(room.width * 0.76).toFixed(1)}" height="${(y(0) - y(amount)).toFixed(1)}" rx="1.5"/>${text}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13"><style>text{fill:#5d564c}rect{fill:#9c3b22}.l{stroke:#d9d0c0}@media(prefers-color-scheme:dark){text{fill:#b5ab9b}rect{fill:#e08a6c}.l{stroke:#3a352e}}</style>${lines.join('')}${columns.join('')}</svg>`;
}

/** Long periods are drawn with several days a bar. */
function groupDays(days: string[]): string[][] {
  const size = Math.ceil(days.length / mostBars);
  return Array.from({ length: Math.ceil(days.length / size) }, (_, at) =>
    days.slice(at * size, (at + 1) * size),
  );
}

function niceCeiling(amount: number): number {
  const power = 10 ** Math.floor(Math.log10(amount));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= amount)!;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
