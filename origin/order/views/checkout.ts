// Renders the checkout: one page, no account needed, and everything that was entered stays until the order is placed.
import { raw } from 'hono/html';
import type { Cart } from '../../cart/cart.ts';
import { linePicture, pieces } from '../../cart/views/cart.ts';
import type { VariantInfo } from '../../catalog/read-variants.ts';
import { formatDates, priceOrFree } from '../../checkout/delivery-dates.ts';
import type { Promotion } from '../../checkout/promotion.ts';
import { signedInField } from '../../identity/page-frame.ts';
import { formatMoney } from '../../web/money.ts';
import { type FormValues, faultSummary, field, idempotencyField, type Wrong } from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { AddressOfBook } from '../address-book/addresses.ts';
import type { Quote } from '../quote.ts';
import { addressLengths, companyLengths, countries } from '../shipping-address.ts';
import { sumRows } from './order.ts';
import { type CartChange, seenField, totalsField } from './order-form.ts';
import { paymentChoices } from './payment.ts';

export interface CheckoutPage extends Wrong {
  cart: Cart;
  variants: Map<string, VariantInfo>;
  /** The quote for the form's present country and method. */
  quote: Quote;
  /** What the form's promotion code does, where it is valid. */
  promotion?: Promotion | undefined;
  /** Why the code is not valid. */
  codeFault?: string | undefined;
  providers: string[];
  isSignedIn: boolean;
  /** The account's address book. */
  addresses?: AddressOfBook[];
  values: FormValues;
  /** Differences from what the shopper last saw. Sending the form again confirms them. */
  changes?: CartChange[];
  /**
   * The total that the shopper was told, in minor units, where it differs from the shown one. Sending again agrees to
   * it.
   */
  toldTotal?: number | undefined;
}

const labels = {
  email: 'E-mail',
  name: 'Name',
  line1: 'Street and number',
  line2: 'Flat, floor',
  postalCode: 'Postal code',
  city: 'Town or city',
  country: 'Country',
  company: 'Company',
  vatNumber: 'VAT number',
  shipping: 'Delivery',
  payment: 'Payment',
};

/** The server validates all fields and shows all faults at once; the browser would stop at the first. */
export function checkoutPage(page: CheckoutPage): Html {
  const { cart, changes = [], isSignedIn, faults, toldTotal } = page;
  const refused = changes.length === 0 ? page.refused : changesSince(changes, page);
  return html`<div class="page-head"><h1>${isSignedIn ? 'Check out' : 'Check out as a guest'}</h1>
${isSignedIn ? '' : html`<p class="soft small">No account needed. <a href="/sign-in?next=/checkout">Sign in instead</a></p>`}</div>
${faultSummary(labels, { faults, refused })}
<form class="split" action="/checkout" method="post" novalidate>
<div>${idempotencyField()}${seenField(cart)}${isSignedIn ? signedInField() : ''}${toldTotal === undefined ? '' : html`<input type="hidden" name="total" value="${toldTotal}">`}
${contactStep(page)}
${addressStep(page)}
${deliveryStep(page)}
${paymentChoices(page.providers, page.values, faults)}
</div>
${summary(page)}
</form>`;
}

function changesSince(changes: CartChange[], { quote, refused }: CheckoutPage): Html {
  return html`${refused ? html`<p>${refused}</p>` : ''}<p><b>Something changed since you looked.</b> Nothing was ordered yet.</p>
<ul>${changes.map((change) => html`<li>${change.sentence}</li>`)}</ul>
<p>The total is now <b>${formatMoney(quote.price.total)}</b>. If that is fine with you, buy now; else <a href="/cart">change the bag</a>.</p>`;
}

function contactStep({ values, faults = {} }: CheckoutPage): Html {
  return html`<fieldset class="step"><legend>Contact</legend><div class="fields">
${field({ name: 'email', label: labels.email, type: 'email', autocomplete: 'email', value: values['email'], fault: faults['email'], hint: 'For the confirmation only.', maxLength: 254 })}
</div></fieldset>`;
}

/** The button fills in the chosen address. It works without a script too. */
function addressChoice({ addresses = [], values }: CheckoutPage): Html | '' {
  if (addresses.length < 2) return '';
  return html`<div class="field all"><label for="kept-address">Address book</label>
<div class="row"><select class="input" id="kept-address" name="kept-address" autocomplete="off">${addresses.map(
    ({ id, name, line1, city }) =>
      html`<option value="${id}"${raw(id === values['kept-address'] ? ' selected' : '')}>${name}, ${line1}, ${city}</option>`,
  )}</select>
<button class="button quiet" type="submit" name="update" value="address">Fill in</button></div></div>`;
}

/** The details are open where a field has a value or a fault. */
function companyFields({ values, faults = {} }: CheckoutPage): Html {
  const part = (name: keyof typeof companyLengths, autocomplete: string, more = {}) =>
    field({
      name,
      label: labels[name],
      autocomplete,
      required: false,
      className: 'all',
      value: values[name],
      fault: faults[name],
      maxLength: companyLengths[name],
      ...more,
    });
  const isOpen = [values['company'], values['vatNumber'], faults['company'], faults['vatNumber']].some(
    Boolean,
  );
  return html`<details class="all"${raw(isOpen ? ' open' : '')}><summary>Buying for a company</summary><div class="fields">
${part('company', 'billing organization')}
${part('vatNumber', 'off', { hint: 'With the letters of its country, such as DE123456789. Both stand on the invoice.' })}
</div></details>`;
}

function addressStep(page: CheckoutPage): Html {
  const { values, quote, isSignedIn, faults = {} } = page;
  const part = (name: keyof typeof addressLengths, autocomplete: string, more = {}) =>
    field({
      name,
      label: labels[name],
      autocomplete: `shipping ${autocomplete}`,
      value: values[name],
      fault: faults[name],
      maxLength: addressLengths[name],
      ...more,
    });
  return html`<fieldset class="step"><legend>Delivery address</legend><div class="fields two">
${addressChoice(page)}
${part('name', 'name', { className: 'all' })}
${part('line1', 'address-line1', { className: 'all' })}
${part('line2', 'address-line2', { className: 'all', required: false })}
${part('postalCode', 'postal-code')}
${part('city', 'address-level2')}
<div class="field all"><label for="country">${labels.country}</label>
<select class="input" id="country" name="country" data-update autocomplete="shipping country"${raw(faults['country'] ? ' aria-invalid="true" aria-describedby="country-fault"' : '')}>${countries.map(
    ({ code, name }) =>
      html`<option value="${code}"${raw(code === quote.country ? ' selected' : '')}>${name}</option>`,
  )}</select>
${faults['country'] ? html`<p class="wrong" id="country-fault">${faults['country']}</p>` : ''}</div>
${companyFields(page)}
${isSignedIn ? html`<label class="radio all"><input type="checkbox" name="keep-address" value="yes"${raw(values['keep-address'] === 'yes' ? ' checked' : '')}><span>Keep this address in your address book</span></label>` : ''}
</div></fieldset>`;
}

/** Without a script, the button loads the methods of another country. A script does it automatically. */
function deliveryStep({ quote, faults = {} }: CheckoutPage): Html {
  const fault = faults['shippingMethod'];
  const { choices, shipping } = quote;
  return html`<fieldset class="step" data-delivery><legend>Delivery</legend>
${fault ? html`<p class="wrong" id="shipping-fault">${fault}</p>` : ''}
${choices.length === 0 ? html`<p class="notice">We do not deliver to this country at the moment. Please choose another one.</p>` : ''}
${choices.map(
  ({ shipping: { method, name, amount, promised } }, index) =>
    html`<label class="radio"><input type="radio"${raw(index === 0 ? ' id="shipping"' : '')} name="shipping" value="${method}" data-update${raw(method === shipping?.method ? ' checked' : '')}><span><b>${name}</b>, ${priceOrFree(amount)}<br><span class="soft">Delivered ${formatDates(promised)}</span></span></label>`,
)}
<p data-apply><button class="button quiet" type="submit" name="update" value="delivery">Update delivery and total</button></p></fieldset>`;
}

/** The field's hint says what the code did; its fault says why it is not valid. */
function codeField({ values, quote, promotion, codeFault }: CheckoutPage): Html {
  const told =
    promotion === undefined
      ? undefined
      : promotion.kind === 'free-shipping'
        ? `${promotion.code}: delivery is free.`
        : `${promotion.code} takes off ${formatMoney(quote.price.discount)}.`;
  return html`<div class="code">
${field({ name: 'code', label: 'Promotion code', required: false, autocomplete: 'off', value: values['code'], fault: codeFault, maxLength: 40, ...(told ? { hint: told } : {}) })}
<button class="button quiet" type="submit" name="update" value="code">Apply<span class="hidden"> the code</span></button></div>`;
}

function summary(page: CheckoutPage): Html {
  const { cart, variants, quote, promotion } = page;
  const { subtotal, discount, total, tax } = quote.price;
  const sums = {
    count: cart.count,
    subtotal,
    discount: promotion && { code: promotion.code, amount: discount },
    shipping: quote.shipping,
    tax,
    total,
  };
  return html`<section class="summary" aria-labelledby="sum"><h2 id="sum">Order summary</h2>
<ul class="lines compact">${cart.lines.map(
    (
      line,
    ) => html`<li>${linePicture(variants.get(line.variantId))}<div><div class="line-head"><h3>${line.name}</h3>
<p class="price">${formatMoney(line.lineTotal.amount)}</p></div>
<p class="soft">${[line.color, line.size].filter(Boolean).join(' · ')} · ${pieces(line.quantity)}</p>
${line.available < line.quantity ? html`<p class="wrong">${line.available === 0 ? 'Sold out' : `Only ${line.available} left`}</p>` : ''}</div></li>`,
  )}</ul>
${totalsField(quote)}
${codeField(page)}
<dl class="sums">${sumRows(sums)}</dl>
<button class="button wide" type="submit">Buy now</button>
<p class="small"><a href="/cart">Change the bag</a></p></section>`;
}
