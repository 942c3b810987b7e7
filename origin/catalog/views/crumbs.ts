// Renders the breadcrumb trail.
import { type Html, html } from '../../web/page/html.ts';
import type { CategoryPlace } from './navigation.ts';

/** @param here the page's own name, where it is not the last category itself */
export function crumbs(path: CategoryPlace[], here?: string): Html {
  const last = path.length - 1;
  return html`<nav aria-label="You are here"><ol class="crumbs"><li><a href="/">Home</a></li>
${path.map((place, index) =>
  index === last && here === undefined
    ? html`<li aria-current="page">${place.name}</li>`
    : html`<li><a href="/c/${place.slug}">${place.name}</a></li>`,
)}
${here === undefined ? '' : html`<li aria-current="page">${here}</li>`}</ol></nav>`;
}
