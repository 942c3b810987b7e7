// The legal pages, from Markdown files that the seller edits. They are the same for everyone.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Hono } from 'hono';
import { raw } from 'hono/html';
import markdownIt from 'markdown-it';
import { departments, readCategoryTree } from '../catalog/categories.ts';
import { formatDays, priceOrFree } from '../checkout/delivery-dates.ts';
import { fillTable, type ShippingTable } from '../checkout/shipping-methods.ts';
import type { Deps } from '../deps.ts';
import type { AppEnv } from '../web/env.ts';
import { formatMoney } from '../web/money.ts';
import { type Html, html } from '../web/page/html.ts';
import { type LawPage, lawPages, layout } from '../web/page/layout.ts';
import { siteTags } from '../web/shared/release.ts';
import { respondShared } from '../web/shared/shared-response.ts';

type LawSettings = Pick<Deps['settings'], 'sellerLines' | 'returnDays' | 'siteUrl'>;

export function lawRoutes(deps: Deps): Hono<AppEnv> {
  const { settings } = deps;
  const { sellerLines, returnDays } = settings;
  // Another release has other texts, and a restart may bring another seller, so the cache key depends on both.
  const ofSettings = createHash('sha256')
    .update(JSON.stringify([sellerLines, returnDays]))
    .digest('hex');
  const routes = new Hono<AppEnv>();
  for (const page of lawPages)
    routes.get(page.path, (c) =>
      respondShared(c, deps, {
        key: `page:${page.path}:${ofSettings.slice(0, 12)}`,
        produce: async (db) => {
          const tree = await readCategoryTree(db);
          const table = await fillTable(db);
          const text = await readFile(new URL(`texts${page.path}.md`, import.meta.url), 'utf8');
          const body = String(
            lawPage(page, renderText(text, table.value, settings), departments(tree.value), settings),
          );
          return {
            value: { status: 200, contentType: 'text/html; charset=utf-8', body },
            tags: { ...siteTags, ...tree.tags, ...table.tags },
          };
        },
      }),
    );
  return routes;
}

function lawPage(
  { path, name }: LawPage,
  content: string,
  navigation: { slug: string; name: string }[],
  { siteUrl }: LawSettings,
): Html {
  const description = `${name} of MyClothes.`;
  return layout(
    { title: name, description, navigation, canonicalUrl: `${siteUrl}${path}` },
    html`<article class="law prose">${raw(content)}</article>`,
  );
}

const markdown = markdownIt({ html: false, linkify: false });

/**
 * Renders a text of the seller. `[[…]]` marks what the seller still has to write, and the page shows it as such.
 * `{{seller}}`, `{{seller-inline}}`, `{{return-days}}` and `{{delivery}}` come from settings and delivery methods.
 */
export function renderText(
  text: string,
  table: ShippingTable,
  { sellerLines, returnDays }: Omit<LawSettings, 'siteUrl'>,
): string {
  const seller = sellerLines.map(escapeHtml);
  const unknown = '<mark>Set SELLER: name, address, e-mail, telephone, register and VAT number</mark>';
  const values: Record<string, string> = {
    seller: seller.length === 0 ? unknown : `<span class="seller">${seller.join('<br>')}</span>`,
    'seller-inline': seller.length === 0 ? unknown : seller.join(', '),
    'return-days': String(returnDays),
    delivery: String(deliveryMethods(table)),
  };
  return markdown
    .render(text)
    .replaceAll(/\[\[(.+?)\]\]/gs, '<mark>$1</mark>')
    .replaceAll('<p>{{delivery}}</p>', '{{delivery}}')
    .replaceAll(/\{\{([\w-]+)\}\}/g, (found, name) => values[name] ?? found);
}

/** Renders one block for each method, because a table with a list of countries is too wide for a phone. */
function deliveryMethods(table: ShippingTable): Html {
  const countryNames = new Intl.DisplayNames('en', { type: 'region' });
  const namesOf = (codes: string[]) =>
    codes
      .map((code) => countryNames.of(code) ?? code)
      .sort()
      .join(', ');
  return html`${table.map(
    ({ name, countries, days, price, freeFrom }) => html`<h2>${name}: ${priceOrFree(price.amount)}</h2>
<p>${formatDays(days)}${freeFrom && price.amount > 0 ? html`; free from ${formatMoney(freeFrom.amount)}` : ''}.</p>
<p>To ${namesOf(countries)}.</p>`,
  )}`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
