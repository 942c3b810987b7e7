// A mail before it is written out: plain paragraphs and links, rendered as text and as simple HTML.
import { html } from 'hono/html';

export interface Mail {
  to: string;
  subject: string;
  paragraphs: (string | { link: string; text: string })[];
}

/** A link stands whole on a line of its own, to be copied; all other lines are short enough to be sent as they are. */
export function renderText({ paragraphs }: Mail): string {
  const parts = paragraphs.map((part) =>
    typeof part === 'string' ? wrap(part) : `${wrap(`${part.text}:`)}\n${part.link}`,
  );
  return `${parts.join('\n\n')}\n\nMyClothes.com\n`;
}

const lineLength = 76;

/** At spaces; a mail's line has at most 998 bytes, which 200 letters never exceed. */
function wrap(text: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.match(/\S{1,200}/gu) ?? []) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && longer.length > lineLength) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line].join('\n');
}

export function renderHtml({ subject, paragraphs }: Mail): string {
  const parts = paragraphs.map((part) =>
    typeof part === 'string' ? html`<p>${part}</p>` : html`<p><a href="${part.link}">${part.text}</a></p>`,
  );
  return String(html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${subject}</title></head>
<body>${parts}<p>MyClothes.com</p></body></html>`);
}
