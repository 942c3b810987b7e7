// Renders the bag: each line with picture, quantity and current price.
// A variant that is no longer sold stays as an unavailable line.
import { raw } from 'hono/html';
import type { VariantInfo } from '../../catalog/read-variants.ts';
import { formatMoney } from '../../web/money.ts';
import { faultSummary, idempotencyField, notice } from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { Cart, ShownCartLine } from '../cart.ts';

export interface CartPage {
  cart: Cart;
  /** Variants for the pictures; a line without one appears without a picture. */
  variants: Map<string, VariantInfo>;
  /** Why the last change was refused. */
  refused?: string | undefined;
  /** A quantity that was refused, as the shopper entered it. */
  entered?: { variantId: string; quantity: string; fault: string } | undefined;
  removed?: RemovedLine | undefined;
  /** What the cheapest delivery to the shop's country costs, and when it arrives, in words. */
  delivery?: { price: string; arrives: string } | undefined;
}

/** A line that was just removed, with what an undo needs. */
export interface RemovedLine {
  variantId: string;
  quantity: number;
  /** Its place among the lines. */
  at: number;
  /** Undefined where the variant is no longer sold; the removal cannot be undone then. */
  variant: VariantInfo | undefined;
}

export function cartPage(page: CartPage): Html {
  const { cart, removed } = page;
  const isEmpty = cart.lines.length === 0;
  return html`<div class="page-head"><h1>Your bag</h1>${isEmpty ? '' : html`<p class="soft">${pieces(cart.count)}</p>`}</div>
${whatIsWrong(page)}
${cart.incomplete ? notice('Not all of your bag can be shown at this moment. Nothing is lost: look again in a minute.') : ''}
${isEmpty && removed ? html`<ul class="lines">${removedLine(removed)}</ul>` : ''}
${isEmpty ? emptyBag() : fullBag(page)}`;
}

function whatIsWrong({ cart, refused, entered }: CartPage): Html | '' {
  const line = cart.lines.find(({ variantId }) => variantId === entered?.variantId);
  if (entered === undefined || line === undefined) return faultSummary({}, { refused });
  const name = `q-${line.variantId}`;
  return faultSummary({ [name]: describe(line) }, { faults: { [name]: entered.fault } });
}

function emptyBag(): Html {
  return html`<div class="empty"><p>Your bag is empty.</p><p class="row"><a class="button" href="/search">Continue shopping</a></p></div>`;
}

function fullBag({ cart, variants, entered, removed, delivery }: CartPage): Html {
  const lines = cart.lines.map((line, at) =>
    cartLine(
      line,
      at,
      variants.get(line.variantId),
      line.variantId === entered?.variantId ? entered : undefined,
    ),
  );
  if (removed) lines.splice(removed.at, 0, removedLine(removed));
  return html`<div class="split">
<div><h2 class="hidden">What is in it</h2><ul class="lines">${lines}</ul></div>
<section class="summary" aria-labelledby="sum"><h2 id="sum">Order summary</h2>
<dl class="sums"><dt>${pieces(cart.count)}</dt><dd>${formatMoney(cart.total.amount)}</dd>
<dt>Delivery</dt><dd>${delivery?.price ?? 'At checkout'}</dd>
<dt class="total">Total</dt><dd class="total">${formatMoney(cart.total.amount)}</dd></dl>
${delivery === undefined ? '' : html`<p class="small">Delivered <b>${delivery.arrives}</b></p>`}
<a class="button wide" href="/checkout">Check out</a>
<p class="hint">No account needed. Prices include VAT.</p></section>
</div>`;
}

function describe({ name, color, size }: Pick<ShownCartLine, 'name' | 'color' | 'size'>): string {
  return [name, color, size].filter(Boolean).join(', ');
}

function cartLine(
  line: ShownCartLine,
  at: number,
  variant: VariantInfo | undefined,
  entered: CartPage['entered'],
): Html {
  const what = describe(line);
  if (line.productSlug === '') return goneLine(line, at, what);
  const id = `q-${line.variantId}`;
  return html`<li>${linePicture(variant)}
<div><div class="line-head"><h3><a href="/p/${line.productSlug}">${line.name}</a></h3>
<p class="price">${formatMoney(line.lineTotal.amount)}</p></div>
<p class="soft">${[line.color, line.size].filter(Boolean).join(' · ')}${line.quantity > 1 ? html` · ${formatMoney(line.unitPrice.amount)} each` : ''}</p>
${shortage(line)}
<div class="line-forms">
<form action="/cart" method="post" data-swap>${setFields(line)}
<label class="hidden" for="${id}">Quantity of ${what}</label>
<input class="input quantity" id="${id}" name="quantity" type="number" inputmode="numeric" min="1" max="99" required value="${entered?.quantity ?? line.quantity}"${raw(entered ? ` aria-invalid="true" aria-describedby="${id}-fault"` : '')}>
<button class="button quiet" id="change-${line.variantId}" type="submit">Update<span class="hidden"> ${what}</span></button></form>
${removeForm(line, at, what)}</div>
${entered ? html`<p class="wrong" id="${id}-fault">${entered.fault}</p>` : ''}</div></li>`;
}

/** Stands in the place of the removed line, where the focus was. */
function removedLine({ variantId, quantity, variant }: RemovedLine): Html {
  if (variant === undefined) return html`<li class="removed"><p id="removed" tabindex="-1">Removed.</p></li>`;
  const what = describe({ ...variant, name: variant.productName });
  return html`<li class="removed"><p>Removed: ${what}.</p>
<form action="/cart" method="post" data-swap>${setFields({ variantId })}
<input type="hidden" name="quantity" value="${quantity}">
<button class="link" id="removed" type="submit">Undo<span class="hidden"> removing ${what}</span></button></form></li>`;
}

/** The variant's details are unknown, so the line can only be removed. */
function goneLine(line: ShownCartLine, at: number, what: string): Html {
  return html`<li class="gone"><div class="tile"></div>
<div><h3>${line.name}</h3>
<p class="wrong">${pieces(line.quantity)}. Please remove this before you check out.</p>
<div class="line-forms">${removeForm(line, at, what)}</div></div></li>`;
}

function removeForm(line: ShownCartLine, at: number, what: string): Html {
  return html`<form action="/cart" method="post" data-swap>${setFields(line)}
<input type="hidden" name="quantity" value="0"><input type="hidden" name="was" value="${line.quantity}"><input type="hidden" name="at" value="${at}">
<button class="link" id="remove-${line.variantId}" type="submit">Remove<span class="hidden"> ${what}</span></button></form>`;
}

/** The picture is decoration, because the name stands beside it. */
export function linePicture(variant: VariantInfo | undefined): Html {
  if (variant === undefined) return html`<div class="tile"></div>`;
  return html`<div class="tile"><img src="${variant.imageUrl}" alt="" width="160" height="200"${raw(' loading="lazy"')}></div>`;
}

function setFields(line: Pick<ShownCartLine, 'variantId'>): Html {
  return html`${idempotencyField()}<input type="hidden" name="kind" value="set"><input type="hidden" name="variantId" value="${line.variantId}">`;
}

function shortage(line: ShownCartLine): Html | '' {
  if (line.available >= line.quantity) return '';
  return line.available === 0
    ? html`<p class="wrong">Sold out. Please remove this before you check out.</p>`
    : html`<p class="wrong">Only ${line.available} left.</p>`;
}

export function pieces(count: number): string {
  return count === 1 ? '1 piece' : `${count} pieces`;
}
