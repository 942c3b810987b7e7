// A mail as a list of paragraphs, its layout as plain text and HTML, and one attempt to send it with its failure.
import { raw } from 'hono/html';
import type { Settings } from '../config.ts';
import { type Html, html } from '../web/page/html.ts';

/** One row of a table of amounts. */
export interface MailSum {
  label: string;
  amount: string;
  isTotal?: boolean;
}

/**
 * A paragraph: plain text, a link with its text, text beside a decorative picture, a table of sums, or lines below a
 * title, such as an address.
 */
export type MailParagraph =
  | string
  | { link: string; text: string }
  | { imageUrl: string; text: string }
  | { sums: MailSum[] }
  | { title: string; lines: string[] };

export interface Mail {
  to: string;
  subject: string;
  paragraphs: MailParagraph[];
}

/** One attempt to send a mail. */
export interface MailAttempt {
  /** The same for every attempt of one mail. File name and Message-ID are made from it. */
  id: string;
  /** Aborts the attempt at once, whatever the mail server does. */
  signal?: AbortSignal;
  /**
   * Called when the server is ready for the text, which it may accept from then on. Keeps other workers from trying
   * this mail for so many seconds.
   * @throws where that is impossible; the text is then not sent
   */
  holdFor?: (seconds: number) => Promise<void>;
}

interface MailFailureFacts {
  /** True: the server refused the mail for good, or it cannot be sent at all. False: a retry makes sense. */
  isPermanent: boolean;
  /** The server was not reached, which says nothing about the mail. */
  isUnreachable?: boolean;
  cause?: unknown;
}

export class MailFailure extends Error {
  override readonly name = 'MailFailure';
  readonly isPermanent: boolean;
  readonly isUnreachable: boolean;

  constructor(message: string, { isPermanent, isUnreachable = false, cause }: MailFailureFacts) {
    super(message, { cause });
    this.isPermanent = isPermanent;
    this.isUnreachable = isUnreachable;
  }
}

// Renders a mail as plain text and as HTML: one layout for all mails, narrow and wide windows, light and dark.

/** Settings for the sender's lines and the links below a mail. */
export type MailFrame = Pick<Settings, 'siteUrl' | 'sellerLines'>;

/** Links below every mail, by path. */
const footLinks = [
  ['/returns', 'Returns'],
  ['/withdrawal', 'Withdraw from a contract'],
  ['/contact', 'Contact'],
  ['/imprint', 'Imprint'],
] as const;

/** Puts each link unbroken on its own line, so that it can be copied. Other lines are short enough for SMTP. */
export function renderText({ paragraphs }: Mail, { siteUrl, sellerLines }: MailFrame): string {
  const parts = paragraphs.map((part) => {
    if (typeof part === 'string') return wrap(part);
    if ('link' in part) return `${wrap(`${part.text}:`)}\n${part.link}`;
    if ('sums' in part) return part.sums.map(({ label, amount }) => wrap(`${label}: ${amount}`)).join('\n');
    if ('lines' in part) return [`${part.title}:`, ...part.lines].map(wrap).join('\n');
    return wrap(part.text);
  });
  const links = footLinks.map(([path, name]) => `${name}: ${siteUrl}${path}`);
  const foot = ['-- ', 'MyClothes.com', ...sellerLines.map(wrap), ...links].join('\n');
  return `${parts.join('\n\n')}\n\n${foot}\n`;
}

const lineLength = 76;

/** Wraps at spaces. A mail's line may have 998 bytes, which 200 characters never exceed. */
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

/** Colours are set by class, so that dark mode can replace them. Clients without classes show black on white. */
const styles = `
:root{color-scheme:light dark}
body{margin:0;padding:0;background:#f8f4ec;color:#221e19}
.sheet{background:#fffdf9}
.soft,.foot,.foot a{color:#6a6156}
.line{border-color:#ded5c5}
.button{background:#221e19;color:#fffdf9}
.link{color:#9c3b22}
@media (prefers-color-scheme:dark){
body{background:#151311;color:#efe8dc}
.sheet{background:#211d1a}
.soft,.foot,.foot a{color:#b5ab9b}
.line{border-color:#3d3731}
.button{background:#efe8dc;color:#151311}
.link{color:#e9a088}
}
@media (max-width:480px){.sheet{padding:20px 16px!important}}
`;
const font = "font-family:Georgia,'Times New Roman',serif";
const sans = 'font-family:system-ui,-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif';

export function renderHtml({ subject, paragraphs }: Mail, { siteUrl, sellerLines }: MailFrame): string {
  return String(html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">
<title>${subject}</title><style>${raw(styles)}</style></head>
<body style="${sans};font-size:16px;line-height:1.5;overflow-wrap:anywhere">
<div style="max-width:600px;margin:0 auto;padding:24px 8px">
<p style="${font};font-size:24px;margin:0 16px 16px"><a href="${siteUrl}/" style="color:inherit;text-decoration:none"><em>My</em>Clothes</a></p>
<div class="sheet" style="padding:32px;border-radius:4px">
<h1 style="${font};font-size:26px;line-height:1.2;font-weight:400;margin:0 0 20px">${subject}</h1>
${paragraphs.map(renderParagraph)}</div>
<div class="foot" style="font-size:13px;margin:20px 16px">
<p style="margin:0 0 8px">${sellerLines.length === 0 ? 'MyClothes.com' : sellerLines.map((line, at) => html`${at > 0 ? html`<br>` : ''}${line}`)}</p>
<p style="margin:0">${footLinks.map(([path, name], at) => html`${at > 0 ? ' · ' : ''}<a href="${siteUrl}${path}">${name}</a>`)}</p>
</div></div></body></html>`);
}

function renderParagraph(part: MailParagraph): Html {
  if (typeof part === 'string') return html`<p style="margin:0 0 14px">${part}</p>`;
  if ('link' in part)
    return html`<p style="margin:22px 0 14px"><a class="button" href="${part.link}" style="display:inline-block;padding:12px 22px;border-radius:3px;text-decoration:none;font-weight:600">${part.text}</a></p>`;
  if ('sums' in part)
    return html`<table class="line" role="presentation" style="width:100%;border-collapse:collapse;border-top:1px solid #ded5c5;margin:18px 0" cellpadding="0" cellspacing="0">${part.sums.map(
      ({ label, amount, isTotal }) =>
        html`<tr style="${isTotal ? 'font-weight:600' : ''}"><td style="padding:8px 12px 0 0">${label}</td><td style="padding:8px 0 0;text-align:right;white-space:nowrap;vertical-align:top">${amount}</td></tr>`,
    )}</table>`;
  if ('lines' in part)
    return html`<p style="margin:18px 0 14px"><span class="soft" style="font-size:14px">${part.title}</span><br>${part.lines.map((line, at) => html`${at > 0 ? html`<br>` : ''}${line}`)}</p>`;
  return html`<table role="presentation" style="width:100%;border-collapse:collapse;margin:0 0 14px" cellpadding="0" cellspacing="0"><tr>
<td style="width:64px;vertical-align:top"><img src="${part.imageUrl}" alt="" width="64" height="80" style="display:block;border-radius:2px"></td>
<td style="padding-left:14px;vertical-align:middle">${part.text}</td></tr></table>`;
}
