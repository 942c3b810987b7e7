// A mail before it is written out: plain paragraphs and links, rendered as text and as simple HTML.
import { html } from 'hono/html';

export interface Mail {
  to: string;
  subject: string;
  paragraphs: (string | { link: string; text: string })[];
}

export function renderText({ paragraphs }: Mail): string {
  const parts = paragraphs.map((part) => (typeof part === 'string' ? part : `${part.text}: ${part.link}`));
  return `${parts.join('\n\n')}\n\nMyClothes.com\n`;
}

export function renderHtml({ subject, paragraphs }: Mail): string {
  const parts = paragraphs.map((part) =>
    typeof part === 'string' ? html`<p>${part}</p>` : html`<p><a href="${part.link}">${part.text}</a></p>`,
  );
  return String(html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${subject}</title></head>
<body>${parts}<p>MyClothes.com</p></body></html>`);
}
