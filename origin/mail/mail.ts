// A mail as paragraphs and links, rendered as plain text and as simple HTML; one attempt to send it, and why it
// failed.
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

/** One attempt to send a mail: its inputs, and the error that says why it failed. */
export interface MailAttempt {
  /** The same for a repetition of the same mail: it makes file name and Message-ID. */
  id: string;
  /** Ends the attempt at once, whatever the mail server does. */
  signal?: AbortSignal;
  /**
   * Called when the server is ready for the text, which it may take from then on. Nobody else may try this mail for
   * so many seconds.
   * @throws where that cannot be had: the text is then not handed over
   */
  holdFor?: (seconds: number) => Promise<void>;
}

interface MailFailureFacts {
  /** The mail was refused for good, or cannot be sent as it is; otherwise another try is worth while. */
  isPermanent: boolean;
  /** The server was not reached: this says nothing of the mail. */
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
