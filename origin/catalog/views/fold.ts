// Renders a section that opens on demand, without JavaScript.
import { raw } from 'hono/html';
import { type Html, html } from '../../web/page/html.ts';

export function fold(title: string, body: Html, open = false): Html {
  return html`<details class="fold"${raw(open ? ' open' : '')}><summary><h2>${title}</h2></summary><div class="fold-body">${body}</div></details>`;
}
