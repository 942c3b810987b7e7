// Renders a product's page: pictures, price, colours, sizes, description, size guide.
import { raw } from 'hono/html';
import { formatMoney } from '../../web/money.ts';
import { notice } from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { ProductDetail } from '../product.ts';
import { picturesIn, shownColor } from './colors.ts';
import { crumbs } from './crumbs.ts';
import { fold } from './fold.ts';
import type { CategoryPlace } from './navigation.ts';
import { picture, wasPrice } from './product-card.ts';
import { sizeGuide } from './size-guide.ts';
import { type Chosen, variantPicker } from './variant-picker.ts';

export interface ProductPage {
  product: ProductDetail;
  path: CategoryPlace[];
  /** As in the settings. */
  paymentProviders: string[];
  /** One of its colours; else the first that is still to be had. */
  color?: string | undefined;
  /** What was sent and refused, with the reason; never on the shared page. */
  refused?: { reason: string; chosen: Chosen };
}

export function productPage({ product, path, paymentProviders, color, refused }: ProductPage): Html {
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
<div>
${product.descriptionHtml === '' ? '' : fold('Details', html`<div class="prose">${raw(product.descriptionHtml)}</div>`, true)}
${sizeGuide(
  path,
  product.variants.map((variant) => variant.size),
)}
${fold('Delivery and payment', html`<div class="prose"><p>${waysToPay(paymentProviders)} You need no account; you can create one after the order.</p></div>`)}
</div>
</div>
</div>`;
}

/** Only what the shop offers. */
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
