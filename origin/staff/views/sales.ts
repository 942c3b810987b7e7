// Renders a product's sales for staff: planned, running and past, the form of a new one, and former prices.
import type { EndedPrice, Sale } from '../../catalog/change/sales.ts';
import type { Product } from '../../catalog/product.ts';
import { signedInField } from '../../identity/page-frame.ts';
import { formatMoney } from '../../web/money.ts';
import { field, idempotencyField } from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { RefusedSale } from '../sale-routes.ts';
import { minutesOf } from './staff-layout.ts';

export const saleLabels: Record<string, string> = {
  salePrice: 'Sale price',
  startsAt: 'Starts (UTC)',
  endsAt: 'Ends (UTC)',
};

const states: Record<Sale['state'], string> = {
  planned: 'Planned',
  running: 'Active',
  ended: 'Ended',
  cancelled: 'Cancelled',
};

interface SalesSection {
  product: Product;
  sales: Sale[];
  prices: EndedPrice[];
  sale?: RefusedSale | undefined;
}

export function salesSection({ product, sales, prices, sale }: SalesSection): Html {
  const action = `/staff/products/${product.id}/sales`;
  const part = (name: string, more: { hint: string; required?: boolean }) =>
    field({
      name,
      label: saleLabels[name]!,
      value: sale?.values['change'] === undefined ? sale?.values[name] : undefined,
      fault: sale?.faults?.[name],
      required: false,
      maxLength: 40,
      ...more,
    });
  return html`<h2 id="sales">Sales</h2>
<p class="soft">The price changes by itself at the start and at the end, everywhere at once. The lowest price of the 30 days before the start is shown beside it where that was higher. A price that you set by hand ends the sale.</p>
${sales.length === 0 ? '' : salesTable(action, sales, sale)}
<form class="fields two" method="post" action="${action}" novalidate>${idempotencyField()}${signedInField()}
${part('salePrice', { hint: 'Of all sizes and colours, such as 14.99.', required: true })}
${part('startsAt', { hint: 'Such as 2026-12-26 00:00. Empty: now.' })}
${part('endsAt', { hint: 'Empty: until you end it.' })}
<p class="row all"><button class="button" type="submit">Plan the sale</button></p></form>
${prices.length === 0 ? '' : pricesTable(product, prices)}`;
}

function salesTable(action: string, sales: Sale[], refused: RefusedSale | undefined): Html {
  return html`<table class="rows">
<caption>All times are UTC</caption>
<thead><tr><th scope="col">Sale</th><th class="number" scope="col">Price</th></tr></thead>
<tbody>${sales.map(
    (sale) => html`<tr><th scope="row">${states[sale.state]}<br>
<span class="hint">${minutesOf(sale.startsAt)} – ${sale.endsAt === undefined ? 'until you end it' : minutesOf(sale.endsAt)}</span>${changeForms(action, sale, refused)}</th>
<td class="number">${formatMoney(sale.price.amount)}${sale.was === undefined ? '' : html`<br><span class="hint">before: ${formatMoney(sale.was.amount)}</span>`}</td></tr>`,
  )}</tbody>
</table>`;
}

/** Forms of a sale that is not over: change its end, or end it now. */
function changeForms(
  action: string,
  { id, state, endsAt }: Sale,
  refused: RefusedSale | undefined,
): Html | '' {
  if (state !== 'planned' && state !== 'running') return '';
  const isRefused = refused?.values['change'] === id;
  const value = isRefused ? refused.values['endsAt'] : endsAt === undefined ? '' : minutesOf(endsAt);
  const form = html`<form class="row" method="post" action="${action}">${idempotencyField()}${signedInField()}`;
  return html`<details${isRefused ? html` open` : ''}><summary>Change the end</summary>
${form}
<label for="ends-${id}">Ends (UTC)</label> <input class="input" id="ends-${id}" name="endsAt" value="${value}" maxlength="40" aria-describedby="ends-${id}-hint">
<button class="button quiet" type="submit" name="change" value="${id}">Save the end</button></form>
<p class="hint" id="ends-${id}-hint">Empty: until you end it.</p></details>
${form}
<button class="button quiet" type="submit" name="stop" value="${id}">${state === 'planned' ? 'Cancel the sale' : 'End it now'}</button></form>`;
}

function pricesTable({ variants }: Product, prices: EndedPrice[]): Html {
  return html`<table class="rows">
<caption>Prices before (UTC)</caption>
<thead><tr><th scope="col">From – until</th><th class="number" scope="col">Price</th></tr></thead>
<tbody>${prices.map(
    (
      price,
    ) => html`<tr><th scope="row">${price.from === undefined ? 'First price' : minutesOf(price.from)} – ${minutesOf(price.until)}${price.variants === variants.length ? '' : html`<br><span class="hint">${price.variants} of ${variants.length} sizes and colours</span>`}</th>
<td class="number">${formatMoney(price.price.amount)}</td></tr>`,
  )}</tbody>
</table>`;
}
