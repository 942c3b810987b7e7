// The bag: each line with its picture, quantity and price as they are now, and what went away shown as such.
import { raw } from 'hono/html';
import type { VariantInfo } from '../../catalog/read-variants.ts';
import { formatMoney } from '../../web/money.ts';
import { idempotencyField, notice } from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { Cart, ShownCartLine } from '../cart.ts';

export interface CartPage {
  cart: Cart;
  /** For pictures; a line without one is shown without. */
  variants: Map<string, VariantInfo>;
  /** Why the last change was refused. */
  refused?: string | undefined;
}

export function cartPage({ cart, variants, refused }: CartPage): Html {
  const isEmpty = cart.lines.length === 0;
  return html`<div class="page-head"><h1>Your bag</h1>${isEmpty ? '' : html`<p class="soft">${pieces(cart.count)}</p>`}</div>
${refused ? notice(refused) : ''}
${cart.incomplete ? notice('Not all of your bag can be shown at this moment. Nothing is lost: look again in a minute.') : ''}
${isEmpty ? emptyBag() : fullBag(cart, variants)}`;
}

function emptyBag(): Html {
  return html`<div class="empty"><p>Nothing in it yet.</p><p class="row"><a class="button" href="/search">Find something</a></p></div>`;
}

function fullBag(cart: Cart, variants: Map<string, VariantInfo>): Html {
  return html`<div class="split">
<ul class="lines">${cart.lines.map((line) => cartLine(line, variants.get(line.variantId)))}</ul>
<section class="summary" aria-labelledby="sum"><h2 id="sum">Sum</h2>
<dl class="sums"><dt>${pieces(cart.count)}</dt><dd>${formatMoney(cart.total.amount)}</dd>
<dt>Delivery</dt><dd>Free</dd>
<dt class="total">Total</dt><dd class="total">${formatMoney(cart.total.amount)}</dd></dl>
<a class="button wide" href="/checkout">Check out</a>
<p class="hint">No account needed. Prices include VAT.</p></section>
</div>`;
}

function cartLine(line: ShownCartLine, variant: VariantInfo | undefined): Html {
  const what = [line.name, line.color, line.size].filter(Boolean).join(', ');
  if (line.productSlug === '') return goneLine(line, what);
  return html`<li>${linePicture(variant)}
<div><div class="line-head"><h3><a href="/p/${line.productSlug}">${line.name}</a></h3>
<p class="price">${formatMoney(line.lineTotal.amount)}</p></div>
<p class="soft">${[line.color, line.size].filter(Boolean).join(' · ')}${line.quantity > 1 ? html` · ${formatMoney(line.unitPrice.amount)} each` : ''}</p>
${shortage(line)}
<div class="line-forms">
<form action="/cart" method="post" data-swap>${setFields(line)}
<label class="hidden" for="q-${line.variantId}">Pieces of ${what}</label>
<input class="input quantity" id="q-${line.variantId}" name="quantity" type="number" inputmode="numeric" min="1" max="99" required value="${line.quantity}">
<button class="button quiet" type="submit">Change<span class="hidden"> ${what}</span></button></form>
${takeOut(line, what)}</div></div></li>`;
}

/** Nothing is known of it any more but that it was there: it can only be taken out. */
function goneLine(line: ShownCartLine, what: string): Html {
  return html`<li class="gone"><div class="tile"></div>
<div><h3>${line.name}</h3>
<p class="wrong">${pieces(line.quantity)} of something that went out of the shop. Please take it out before you check out.</p>
<div class="line-forms">${takeOut(line, what)}</div></div></li>`;
}

function takeOut(line: ShownCartLine, what: string): Html {
  return html`<form action="/cart" method="post" data-swap>${setFields(line)}
<input type="hidden" name="quantity" value="0">
<button class="link" type="submit">Take out<span class="hidden"> ${what}</span></button></form>`;
}

/** The name beside it says what it is, so the picture is decoration here. */
export function linePicture(variant: VariantInfo | undefined): Html {
  if (variant === undefined) return html`<div class="tile"></div>`;
  return html`<div class="tile"><img src="${variant.imageUrl}" alt="" width="160" height="200"${raw(' loading="lazy"')}></div>`;
}

function setFields(line: ShownCartLine): Html {
  return html`${idempotencyField()}<input type="hidden" name="kind" value="set"><input type="hidden" name="variantId" value="${line.variantId}">`;
}

function shortage(line: ShownCartLine): Html | '' {
  if (line.available >= line.quantity) return '';
  return line.available === 0
    ? html`<p class="wrong">No longer to be had. Please take it out before you check out.</p>`
    : html`<p class="wrong">Only ${line.available} left.</p>`;
}

export function pieces(count: number): string {
  return count === 1 ? '1 piece' : `${count} pieces`;
}
