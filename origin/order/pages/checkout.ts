// The checkout: guest first, one page, everything that was entered stays until the order is placed.
import { raw } from 'hono/html';
import type { Cart } from '../../cart/cart.ts';
import { linePicture, pieces } from '../../cart/pages/cart.ts';
import type { VariantInfo } from '../../catalog/read-variants.ts';
import { formatMoney } from '../../web/money.ts';
import { type FormFaults, type FormValues, field, idempotencyField, notice } from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import { countries } from '../countries.ts';
import { addressLengths } from '../shipping-address.ts';
import { paymentChoices } from './payment.ts';
import { type CartChange, seenField } from './seen-cart.ts';

export interface CheckoutPage {
  cart: Cart;
  variants: Map<string, VariantInfo>;
  providers: string[];
  isSignedIn: boolean;
  values: FormValues;
  faults?: FormFaults;
  /** What is different from what the shopper last saw; to be confirmed by sending again. */
  changes?: CartChange[];
  /** Why the order was refused. */
  refused?: string | undefined;
}

export function checkoutPage(page: CheckoutPage): Html {
  const { cart, changes = [], refused, isSignedIn } = page;
  return html`<div class="page-head"><h1>${isSignedIn ? 'Check out' : 'Check out as a guest'}</h1>
${isSignedIn ? '' : html`<p class="soft small">No account needed. <a href="/sign-in?next=/checkout">I have one</a></p>`}</div>
${refused ? notice(refused) : ''}
${changes.length === 0 ? '' : notice(changesSince(changes, cart))}
<form class="split" action="/checkout" method="post">
<div>${idempotencyField()}${seenField(cart)}
${contactStep(page)}
${addressStep(page)}
${paymentChoices(page.providers, page.values, page.faults)}
</div>
${summary(page)}
</form>`;
}

function changesSince(changes: CartChange[], cart: Cart): Html {
  return html`<p><b>Something changed since you looked.</b> Nothing was ordered yet.</p>
<ul>${changes.map((change) => html`<li>${change.sentence}</li>`)}</ul>
<p>The total is now <b>${formatMoney(cart.total.amount)}</b>. If that is fine with you, place the order again; else <a href="/cart">change the bag</a>.</p>`;
}

function contactStep({ values, faults = {} }: CheckoutPage): Html {
  return html`<fieldset class="step"><legend>Where to write to</legend><div class="fields">
${field({ name: 'email', label: 'E-mail', type: 'email', autocomplete: 'email', value: values['email'], fault: faults['email'], hint: 'For the confirmation only.', maxLength: 254 })}
</div></fieldset>`;
}

function addressStep({ values, faults = {} }: CheckoutPage): Html {
  const part = (name: keyof typeof addressLengths, label: string, autocomplete: string, more = {}) => {
    const maxLength = addressLengths[name];
    return field({ name, label, autocomplete, value: values[name], fault: faults[name], maxLength, ...more });
  };
  return html`<fieldset class="step"><legend>Where to send it</legend><div class="fields two">
${part('name', 'Name', 'shipping name', { className: 'all' })}
${part('line1', 'Street and number', 'shipping address-line1', { className: 'all' })}
${part('line2', 'Flat, floor, company', 'shipping address-line2', { className: 'all', required: false })}
${part('postalCode', 'Postal code', 'shipping postal-code')}
${part('city', 'Town', 'shipping address-level2')}
<div class="field all"><label for="country">Country</label>
<select class="input" id="country" name="country" autocomplete="shipping country"${raw(faults['country'] ? ' aria-invalid="true" aria-describedby="country-fault"' : '')}>${countries.map(
    ({ code, name }) =>
      html`<option value="${code}"${raw(code === (values['country'] || 'DE') ? ' selected' : '')}>${name}</option>`,
  )}</select>
${faults['country'] ? html`<p class="wrong" id="country-fault">${faults['country']}</p>` : ''}</div>
</div></fieldset>`;
}

function summary({ cart, variants }: CheckoutPage): Html {
  return html`<section class="summary" aria-labelledby="sum"><h2 id="sum">${pieces(cart.count)}</h2>
<ul class="lines compact">${cart.lines.map(
    (
      line,
    ) => html`<li>${linePicture(variants.get(line.variantId))}<div><div class="line-head"><h3>${line.name}</h3>
<p class="price">${formatMoney(line.lineTotal.amount)}</p></div>
<p class="soft">${[line.color, line.size].filter(Boolean).join(' · ')} · ${pieces(line.quantity)}</p>
${line.available < line.quantity ? html`<p class="wrong">${line.available === 0 ? 'No longer to be had' : `Only ${line.available} left`}</p>` : ''}</div></li>`,
  )}</ul>
<dl class="sums"><dt>Delivery</dt><dd>Free</dd><dt class="total">Total, VAT included</dt><dd class="total">${formatMoney(cart.total.amount)}</dd></dl>
<button class="button wide" type="submit">Place the order</button>
<p class="small"><a href="/cart">Change the bag</a></p></section>`;
}
