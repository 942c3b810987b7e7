// Renders the staff pages: find a product, change it, see when the change has reached every cache.
import { createHash } from 'node:crypto';
import { raw } from 'hono/html';
import type { EndedPrice, Sale } from '../../catalog/change/sales.ts';
import type { Product, ProductSummary } from '../../catalog/product.ts';
import { allFacts, type FactName, factNames, factOf } from '../../catalog/product-facts.ts';
import { signedInField } from '../../identity/page-frame.ts';
import type { Invalidation } from '../../invalidation/invalidations.ts';
import { formatMoney } from '../../web/money.ts';
import {
  type FormValues,
  faultSummary,
  field,
  idempotencyField,
  notice,
  titleOf,
  type Wrong,
} from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import { layout, type PageVisitor } from '../../web/page/layout.ts';
import type { StaffChange } from '../change-catalog.ts';
import type { RefusedSale } from '../sale-routes.ts';
import { saleLabels, salesSection } from './sales.ts';
import { staffNavigation } from './staff-layout.ts';

export interface FinderPage {
  visitor: PageVisitor;
  /** Number of payments that wait for a decision. */
  unclearPayments: number;
  q: string;
  items: ProductSummary[];
  nextUrl: string | undefined;
}

export function finderPage({ visitor, unclearPayments, q, items, nextUrl }: FinderPage): Html {
  return layout(
    { title: 'Staff', unlisted: true, visitor },
    html`<div class="staff">${staffNavigation('/staff')}<h1>Products</h1>
<p><a href="/staff/payments">Unclear payments</a> (${unclearPayments})</p>
<form class="row" action="/staff" role="search" aria-label="Products">
<label for="staff-q">Find a product</label>
<input class="input" id="staff-q" name="q" type="search" value="${q}" maxlength="200">
<button class="button" type="submit">Find</button>
</form>
<table class="rows">
<caption>${items.length === 0 ? 'Nothing found' : 'Found'}</caption>
<thead><tr><th scope="col">Product</th><th class="number" scope="col">Price</th><th class="number" scope="col">Pieces</th></tr></thead>
<tbody>${items.map(
      (
        item,
      ) => html`<tr><th scope="row"><a href="/staff/products/${item.id}">${item.name}</a><br><span class="hint">${item.category}</span></th>
<td class="number">${formatMoney(item.price.amount)}</td><td class="number">${item.available}</td></tr>`,
    )}</tbody>
</table>
${nextUrl ? html`<p><a class="button quiet" href="${nextUrl}">More</a></p>` : ''}</div>`,
  );
}

export interface StaffProductPage extends Wrong {
  visitor: PageVisitor;
  product: Product;
  changes: StaffChange[];
  sales: Sale[];
  prices: EndedPrice[];
  /** A sale that was entered and refused. */
  sale?: RefusedSale | undefined;
  invalidation?: Invalidation | undefined;
  /** Refused input; without it, the fields show the product. */
  entered?: FormValues;
}

export function productPage(page: StaffProductPage): Html {
  const { visitor, product, changes, invalidation, faults, refused, sale } = page;
  const isWrong = faults !== undefined || refused !== undefined || sale !== undefined;
  const title = titleOf(`${product.name}, staff`, isWrong);
  return layout(
    { title, unlisted: true, visitor },
    html`<div class="staff">${staffNavigation('/staff')}
<h1>${product.name}</h1>
<p class="soft"><a href="/p/${product.slug}">As shoppers see it</a> · version ${product.version}</p>
${invalidation ? invalidationNotice(product.id, invalidation) : ''}
${faultSummary(labelsOf(product), { faults, refused })}
${sale === undefined ? '' : faultSummary(saleLabels, sale)}
${productForm(page)}
${salesSection(page)}
${changesTable(changes, product)}</div>`,
  );
}

function invalidationNotice(productId: string, invalidation: Invalidation): Html {
  if (invalidation.state === 'done') {
    const tookMs = Date.parse(invalidation.doneAt ?? '') - Date.parse(invalidation.committedAt);
    return notice(`Saved. Live everywhere (${Math.max(0, tookMs)} ms)`, 'good');
  }
  return notice(
    html`<p>Saved. Not live everywhere yet.
<a href="/staff/products/${productId}?invalidation=${invalidation.id}">Check again</a></p>`,
    'good',
  );
}

/** A hash of the value that a field showed. The value itself would double the size of the form. */
export function fingerprintOfShown(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}

/** Name and id of a variant's stock field in the form. */
export function stockField(variantId: string): string {
  return `stock-${variantId}`;
}

/** Name and id of a fact's field in the form. */
export function factField(name: FactName): string {
  return `fact-${name}`;
}

function labelsOf(product: Product): Record<string, string> {
  const stocks = product.variants.map(({ id, sku }) => [stockField(id), `Pieces of ${sku}`]);
  const facts = allFacts.map((name) => [factField(name), factNames[name].label]);
  return {
    name: 'Name',
    price: 'Price',
    description: 'Description',
    ...Object.fromEntries([...facts, ...stocks]),
  };
}

/** One form, so that every button saves everything that was typed. */
function productForm(page: StaffProductPage): Html {
  const { product } = page;
  return html`<form class="fields" method="post" action="/staff/products/${product.id}" novalidate>${idempotencyField()}${signedInField()}
${detailFields(page)}
<p><button class="button" type="submit">Save</button></p>
${stockTable(page)}
</form>`;
}

function detailFields({ product, entered, faults = {} }: StaffProductPage): Html {
  const present: Record<string, string> = {
    name: product.name,
    price: (product.price.amount / 100).toFixed(2),
    description: product.description,
    ...Object.fromEntries(allFacts.map((name) => [factField(name), factOf(product, name)])),
  };
  const value = (name: string) => entered?.[name] ?? present[name]!;
  const shown = (name: string) => entered?.[`shown-${name}`] ?? fingerprintOfShown(present[name]!);
  const prices = new Set(product.variants.map((variant) => variant.price.amount));
  return html`${Object.keys(present).map((name) => html`<input type="hidden" name="shown-${name}" value="${shown(name)}">`)}
${field({ name: 'name', label: 'Name', value: value('name'), fault: faults['name'] })}
${field({
  name: 'price',
  label: `Price of all sizes and colours (${product.price.currency})`,
  value: value('price'),
  fault: faults['price'],
  ...(prices.size > 1
    ? { hint: 'Prices differ; this is the lowest. Another one here becomes the price of all.' }
    : {}),
})}
<div class="field"><label class="radio"><input type="checkbox" name="sale" value="yes"${raw(entered?.['sale'] === 'yes' ? ' checked' : '')}><span>The new price is a reduction: show the lowest price of the last 30 days beside it${product.was ? html`<br><span class="soft">Now shown: ${formatMoney(product.was.amount)}</span>` : ''}</span></label></div>
<div class="field"><label for="description">Description</label>
<textarea class="input" id="description" name="description" rows="6" dir="auto"${raw(faults['description'] ? ' aria-invalid="true" aria-describedby="description-fault"' : '')}>${value('description')}</textarea>
${faults['description'] ? html`<p class="wrong" id="description-fault">${faults['description']}</p>` : ''}</div>
<fieldset class="group"><legend>What the law asks for</legend>
<p class="hint">Shown on the product’s page (General Product Safety Regulation). A responsible person is needed where the manufacturer is outside of the EU.</p>
<div class="fields two">${allFacts.map((name) => factInput(name, value(factField(name)), faults[factField(name)]))}</div></fieldset>`;
}

const longFacts = new Set<FactName>(['material', 'care', 'manufacturerAddress', 'responsibleAddress']);

function factInput(name: FactName, value: string, fault: string | undefined): Html {
  const [id, { label }] = [factField(name), factNames[name]];
  if (!longFacts.has(name)) return field({ name: id, label, value, fault, required: false });
  return html`<div class="field"><label for="${id}">${label} <span class="soft">(optional)</span></label>
<textarea class="input" id="${id}" name="${id}" rows="3" dir="auto"${raw(fault ? ` aria-invalid="true" aria-describedby="${id}-fault"` : '')}>${value}</textarea>
${fault ? html`<p class="wrong" id="${id}-fault">${fault}</p>` : ''}</div>`;
}

function stockTable({ product, entered, faults = {} }: StaffProductPage): Html {
  const present = product.variants.map(({ id, available }) => `${id}:${available}`).join(' ');
  return html`<input type="hidden" name="shown-stocks" value="${entered?.['shown-stocks'] ?? present}">
<table class="rows">
<caption>Stock</caption>
<thead><tr><th scope="col">Size and colour</th><th class="number" scope="col">Pieces</th></tr></thead>
<tbody>${product.variants.map((variant) => {
    const name = stockField(variant.id);
    const fault = faults[name];
    return html`<tr><th scope="row">${[variant.size, variant.color].filter(Boolean).join(' · ')}<br><span class="hint">${variant.sku}</span></th>
<td class="number"><div class="row">
<input class="input" type="text" inputmode="numeric" id="${name}" name="${name}" aria-label="Pieces of ${variant.sku}" maxlength="8" value="${entered?.[name] ?? variant.available}" required${raw(fault ? ` aria-invalid="true" aria-describedby="${name}-fault"` : '')}>
<button class="button quiet" type="submit">Save</button></div>
${fault ? html`<span class="wrong" id="${name}-fault">${fault}</span>` : ''}</td></tr>`;
  })}</tbody>
</table>`;
}

/** Members that are the same on both sides are left out. */
function describeSide(side: unknown, other: unknown): string {
  const others = describeMembers(other);
  return [...describeMembers(side)]
    .filter(([name, text]) => text !== others.get(name))
    .map(([name, text]) => `${name}: ${text}`)
    .join('; ');
}

/** A price may be a bare amount on one side, and an amount with its currency on the other. */
function describeMembers(side: unknown): Map<string, string> {
  const members = Object.entries((side ?? {}) as Record<string, unknown>).flatMap(([name, value]) =>
    name === 'facts' ? Object.entries((value ?? {}) as Record<string, unknown>) : [[name, value] as const],
  );
  const amountOf = (value: unknown) => (value as { amount?: number } | null)?.amount;
  return new Map(
    members.map(([name, value]) => {
      const amount = name === 'price' && typeof value === 'number' ? value : amountOf(value);
      return [name, amount === undefined ? String(value) : formatMoney(amount)];
    }),
  );
}

function changesTable(changes: StaffChange[], product: Product): Html | '' {
  if (changes.length === 0) return '';
  const skus = new Map(product.variants.map((variant) => [`variant:${variant.id}`, variant.sku]));
  return html`<div class="scrolls" tabindex="0" role="region" aria-label="The latest changes"><table class="rows">
<caption>The latest changes</caption>
<thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>
<tbody>${changes.map(
    (
      change,
    ) => html`<tr><td><time datetime="${change.changedAt.toISOString()}">${change.changedAt.toISOString().slice(0, 16).replace('T', ' ')}</time></td>
<td>${change.who ?? ''}</td><td>${skus.get(change.subject) ?? 'Product'}</td><td>${describeSide(change.before, change.after)}</td><td>${describeSide(change.after, change.before)}</td></tr>`,
  )}</tbody>
</table></div>`;
}
