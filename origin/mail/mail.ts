// A mail as paragraphs and links, rendered as plain text and as simple HTML.
import { html } from 'hono/html';

/** Plain text, a link that its text describes, or text beside a picture that adds nothing to it. */
type Paragraph = string | { link: string; text: string } | { imageUrl: string; text: string };

export interface Mail {
  to: string;
  subject: string;
  paragraphs: Paragraph[];
}

/** A link stands whole on a line of its own, to be copied; all other lines are short enough to be sent as they are. */
export function renderText({ paragraphs }: Mail): string {
  const parts = paragraphs.map((part) => {
    if (typeof part === 'string') return wrap(part);
    return 'link' in part ? `${wrap(`${part.text}:`)}\n${part.link}` : wrap(part.text);
  });
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
  const parts = paragraphs.map((part) => {
    if (typeof part === 'string') return html`<p>${part}</p>`;
    if ('link' in part) return html`<p><a href="${part.link}">${part.text}</a></p>`;
    return html`<p><img src="${part.imageUrl}" alt="" width="64" height="80"> ${part.text}</p>`;
  });
  return String(html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${subject}</title></head>
<body>${parts}<p>MyClothes.com</p></body></html>`);
}
