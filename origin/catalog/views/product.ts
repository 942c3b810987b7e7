// Renders a product's page: pictures, price, choice of a variant, description, size guide.
// Also writes its schema.org JSON-LD.
import { raw } from 'hono/html';
import { formatMoney } from '../../web/money.ts';
import { notice } from '../../web/page/form.ts';
import { fold, type Html, html } from '../../web/page/html.ts';
import { type CategoryPlace, crumbs } from '../categories.ts';
import type { ProductDetail, Variant } from '../product.ts';
import { factNames, type ResponsibleParty } from '../product-facts.ts';
import { dot, picture, picturesIn, productHref, shownColor, wasPrice } from './product-card.ts';
import { sizeGuide } from './size-guide.ts';

/** Delivery of the product within the shop's own country. */
export interface ShownDelivery {
  method: string;
  /** Minor units. */
  amount: number;
  freeFrom?: number | undefined;
  /** Two letters. */
  country: string;
  /** Such as `Wed 2 – Fri 4 December`. */
  arrives: string;
  /** The day of order for which this holds, because a stored page may be read later. */
  orderedOn: string;
}

interface ProductPage {
  product: ProductDetail;
  path: CategoryPlace[];
  /** The payment providers of the settings. */
  paymentProviders: string[];
  /** Undefined where the shop does not deliver to its own country. */
  delivery?: ShownDelivery | undefined;
  /** One of the product's colours; else the first one in stock is shown. */
  color?: string | undefined;
  /** The refused input with its reason; never on the shared page. */
  refused?: { reason: string; chosen: Chosen };
}

export function productPage(page: ProductPage): Html {
  const { product, path, paymentProviders, color, refused, delivery } = page;
  const shown = shownColor(product, { color, ...refused?.chosen });
  const pictures = picturesIn(product, shown);
  return html`${crumbs(path, product.name)}
<div class="item">
<ul class="gallery" aria-label="Pictures"${raw(pictures.length > 1 ? ' tabindex="0"' : '')}>${pictures.map(
    (image, index) => html`<li><div class="tile">${picture(image, index === 0)}</div></li>`,
  )}</ul>
<div class="about">
<p class="label soft">${product.brand}</p>
<h1>${product.name}</h1>
<p class="price">${priceRange(product)}${wasPrice(product.was)} <span class="soft small">VAT included</span></p>
${product.was ? html`<p class="soft small">${formatMoney(product.was.amount)} was the lowest price of the 30 days before the reduction.</p>` : ''}
${refused ? notice(refused.reason) : ''}
${variantPicker(product, shown, refused?.chosen)}
${delivery === undefined ? '' : html`<p class="small">Delivered <b>${delivery.arrives}</b> <span class="soft">if you order on ${delivery.orderedOn}</span></p>`}
<div>
${product.descriptionHtml === '' ? '' : fold('Details', html`<div class="prose">${raw(product.descriptionHtml)}</div>`, true)}
${factsFold(product)}
${sizeGuide(
  path,
  product.variants.map((variant) => variant.size),
)}
${fold('Delivery and payment', html`<div class="prose">${delivery === undefined ? '' : deliveryText(delivery)}<p>${waysToPay(paymentProviders)} You need no account; you can create one after the order.</p></div>`)}
</div>
</div>
</div>`;
}

/** Facts that the law requires on a product's page. */
function factsFold(product: ProductDetail): Html | '' {
  const { material, care, origin, manufacturer, responsiblePerson } = product;
  const own: [string, string | undefined][] = [
    [factNames.material.label, material],
    [factNames.care.label, care],
    [factNames.origin.label, origin],
  ];
  const known = own.filter((entry): entry is [string, string] => entry[1] !== undefined);
  const parties = [
    partyBlock(factNames.manufacturerName.label, manufacturer),
    partyBlock(factNames.responsibleName.label, responsiblePerson),
  ].filter((block) => block !== '');
  if (known.length + parties.length === 0) return '';
  return fold(
    known.length === 0
      ? 'Manufacturer'
      : parties.length === 0
        ? 'Material and care'
        : 'Material, care, manufacturer',
    html`<div class="prose">${known.map(([label, text]) => html`<p><b>${label}</b><br>${lines(text)}</p>`)}${parties}</div>`,
  );
}

function partyBlock(label: string, party: ResponsibleParty | undefined): Html | '' {
  if (party === undefined) return '';
  const { name, address, email } = party;
  const isEmail = email !== undefined && /^[^\s@]+@[^\s@]+$/.test(email);
  const mail = email === undefined ? '' : isEmail ? html`<a href="mailto:${email}">${email}</a>` : email;
  const parts = [name, address && lines(address), mail].filter(Boolean);
  return html`<p><b>${label}</b>${parts.map((part) => html`<br>${part}`)}</p>`;
}

function lines(text: string): Html {
  return html`${text.split('\n').map((line, at) => html`${at > 0 ? html`<br>` : ''}${line}`)}`;
}

const countryNames = new Intl.DisplayNames('en', { type: 'region' });

function deliveryText({ method, amount, freeFrom, country, arrives, orderedOn }: ShownDelivery): Html {
  const price = amount === 0 ? 'free' : formatMoney(amount);
  const free = amount > 0 && freeFrom !== undefined ? `, free from ${formatMoney(freeFrom)}` : '';
  return html`<p>To ${countryNames.of(country) ?? country}: ${method}, ${price}${free}. Ordered on ${orderedOn}, it is delivered ${arrives}. <a href="/delivery">Other countries and ways</a></p>`;
}

/** Names only the ways to pay that the shop offers. */
function waysToPay(providers: string[]): string {
  const ways = [
    ...(providers.includes('stripe') ? ['by card'] : []),
    ...(providers.includes('on-delivery') ? ['when your parcel arrives'] : []),
    ...(providers.includes('demo') ? ['with the demo payment, which moves no money'] : []),
  ];
  return ways.length === 0 ? '' : `Pay ${ways.join(', or ')}.`;
}

function priceRange({ variants, price }: ProductDetail): string {
  const amounts = variants.map((variant) => variant.price.amount);
  const highest = Math.max(price.amount, ...amounts);
  const lowest = Math.min(...(amounts.length > 0 ? amounts : [price.amount]));
  return lowest === highest ? formatMoney(lowest) : `${formatMoney(lowest)} to ${formatMoney(highest)}`;
}

/** The values of a form that was sent and refused. */
interface Chosen {
  variantId?: string | undefined;
  color?: string | undefined;
  quantity?: string | undefined;
}

/**
 * Renders the choice of a variant: colours as links, sizes as buttons. It posts `variantId`, `quantity` and the shown
 * `color`, and works without JavaScript.
 */
function variantPicker(product: ProductDetail, shown: string, chosen: Chosen = {}): Html {
  const byColor = [...Map.groupBy(product.variants, (variant) => variant.color)];
  const isSoldOut = product.variants.every((variant) => variant.available === 0);
  const ofColor = product.variants.filter((variant) => variant.color === shown);
  return html`<form class="picker" action="/cart" method="post" data-add>
<input type="hidden" name="product" value="${product.slug}">
<input type="hidden" name="color" value="${shown}">
${byColor.length > 1 ? swatches(product, byColor, shown) : ''}
${sizes(product, ofColor, shown, chosen)}
${
  isSoldOut
    ? html`<p class="notice">Sold out.</p>`
    : html`<div class="buy"><div class="field"><label for="quantity">Quantity</label>
<input class="input quantity" id="quantity" name="quantity" type="number" inputmode="numeric" min="1" max="99" required value="${chosen.quantity || '1'}"></div>
<button class="button" type="submit">Add to bag</button></div>`
}
<div class="added" role="status"></div>
</form>`;
}

function swatches(product: ProductDetail, byColor: [string, Variant[]][], shown: string): Html {
  return html`<div class="colors" role="group" aria-labelledby="colors"><p class="label" id="colors">Colour</p><ul class="options">${byColor.map(
    ([color, variants]) => {
      const gone = variants.every(({ available }) => available === 0);
      return html`
<li><a class="choice${gone ? ' gone' : ''}" href="${productHref(product.slug, color)}"${raw(color === shown ? ' aria-current="true"' : '')} data-swatch>${dot(color)}${color || 'As shown'}${gone ? html`<span class="hidden">, sold out</span>` : ''}</a></li>`;
    },
  )}</ul></div>`;
}

function sizes(product: ProductDetail, variants: Variant[], color: string, chosen: Chosen): Html {
  const legend = color === '' ? 'Size' : `Size in ${color}`;
  const isSole = product.variants.length === 1;
  return html`<fieldset class="sizes"><legend class="label">${legend}</legend><div class="options">${variants.map(
    (variant) => {
      const gone = variant.available === 0;
      const checked = !gone && (isSole || variant.id === chosen.variantId);
      const costsOther = variant.price.amount !== product.price.amount;
      return html`<span><input class="choice-input" type="radio" name="variantId" id="v-${variant.id}" value="${variant.id}" data-size="${variant.size}"${raw(gone ? ' disabled' : '')}${raw(checked ? ' checked' : '')}><label class="choice" for="v-${variant.id}">${variant.size || 'One size'}${costsOther ? html` <span class="count">${formatMoney(variant.price.amount)}</span>` : ''}${gone ? html`<span class="hidden">, sold out</span>` : ''}</label></span>`;
    },
  )}</div>${scarce(variants)}</fieldset>`;
}

function scarce(variants: Variant[]): Html | '' {
  const last = variants.filter((variant) => variant.available > 0 && variant.available <= 3);
  if (last.length === 0) return '';
  const limited = last
    .slice(0, 3)
    .map(({ size, available }) => `${available} left${size === '' ? '' : ` in ${size}`}`);
  return html`<p class="hint">Only ${limited.join(', ')}.</p>`;
}

/** Renders a product as schema.org JSON-LD, for search engines. */
export function productJsonLd(product: ProductDetail, siteUrl: string): object {
  const amounts = product.variants.map((variant) => variant.price.amount);
  const lowest = Math.min(...(amounts.length > 0 ? amounts : [product.price.amount]));
  const highest = Math.max(product.price.amount, ...amounts);
  const isAvailable = product.variants.some((variant) => variant.available > 0);
  return {
    '@context': 'https://schema.org',
    '@type': 'Product',
    name: product.name,
    description: product.description.slice(0, 1_000),
    sku: product.variants[0]?.sku || product.id,
    brand: { '@type': 'Brand', name: product.brand },
    ...(product.material && { material: product.material }),
    ...(product.manufacturer?.name && {
      manufacturer: { '@type': 'Organization', name: product.manufacturer.name },
    }),
    image: product.images.map((image) => absolute(image.url, siteUrl)),
    offers: {
      '@type': 'AggregateOffer',
      url: `${siteUrl}/p/${product.slug}`,
      lowPrice: decimal(lowest),
      highPrice: decimal(highest),
      priceCurrency: product.price.currency,
      offerCount: product.variants.length,
      availability: `https://schema.org/${isAvailable ? 'InStock' : 'OutOfStock'}`,
    },
  };
}

export function absolute(url: string, siteUrl: string): string {
  return URL.canParse(url) ? url : `${siteUrl}${url}`;
}

function decimal(minorUnits: number): string {
  return (minorUnits / 100).toFixed(2);
}
