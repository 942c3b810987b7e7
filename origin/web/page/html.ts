// The `html` template with its type for escaped text, and a section that opens on demand, without JavaScript.
import { html, raw } from 'hono/html';

export { html };

export type Html = ReturnType<typeof html>;

/** Renders a section that opens on demand, without JavaScript. */
export function fold(title: string, body: Html, open = false): Html {
  return html`<details class="fold"${raw(open ? ' open' : '')}><summary><h2>${title}</h2></summary><div class="fold-body">${body}</div></details>`;
}
