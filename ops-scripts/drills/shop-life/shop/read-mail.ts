// Parses a mail: subject, text, and links.
import { parse } from 'node-html-parser';

export interface ReadableMail {
  subject: string;
  text: string;
  links: string[];
}

export function readMail(message: string): ReadableMail {
  const { headers, body } = split(message);
  const parts = partsOf(headers, body);
  const text = parts.find(({ type }) => type === 'text/plain')?.content ?? '';
  const page = parts.find(({ type }) => type === 'text/html')?.content ?? '';
  const fromPage = parse(page)
    .querySelectorAll('a[href]')
    .map((link) => link.getAttribute('href') ?? '');
  const fromText = text.match(/https?:\/\/[^\s<>"]+/g) ?? [];
  return {
    subject: decodeWords(headers.get('subject') ?? ''),
    text: `${text}\n${parse(page).textContent}`,
    links: [...new Set([...fromPage, ...fromText])],
  };
}

interface Entity {
  type: string;
  content: string;
}

function partsOf(headers: Map<string, string>, body: string): Entity[] {
  const contentType = headers.get('content-type') ?? 'text/plain';
  const boundary = /boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (boundary === undefined) {
    const type = contentType.split(';')[0]!.trim().toLowerCase();
    return [{ type, content: decodeBody(headers.get('content-transfer-encoding') ?? '7bit', body) }];
  }
  return body
    .split(`--${boundary}`)
    .slice(1)
    .filter((part) => !part.startsWith('--'))
    .flatMap((part) => {
      const inner = split(part.replace(/^\n/, ''));
      return partsOf(inner.headers, inner.body);
    });
}

function split(message: string): { headers: Map<string, string>; body: string } {
  const end = message.indexOf('\n\n');
  const head = message.slice(0, end === -1 ? undefined : end).replace(/\n[ \t]+/g, ' ');
  const headers = new Map(
    head.split('\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  return { headers, body: end === -1 ? '' : message.slice(end + 2) };
}

function decodeBody(encoding: string, body: string): string {
  switch (encoding.trim().toLowerCase()) {
    case 'base64':
      return Buffer.from(body, 'base64').toString('utf8');
    case 'quoted-printable':
      return fromQuotedPrintable(body.replace(/=\n/g, ''));
    default:
      return body;
  }
}

function fromQuotedPrintable(text: string): string {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const code = /^=([0-9A-F]{2})/i.exec(text.slice(at, at + 3))?.[1];
    if (code === undefined) bytes.push(...Buffer.from(text[at]!));
    else {
      bytes.push(Number.parseInt(code, 16));
      at += 2;
    }
  }
  return Buffer.from(bytes).toString('utf8');
}

/** RFC 2047. */
function decodeWords(text: string): string {
  return text
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, how: string, word: string) =>
      how.toLowerCase() === 'b'
        ? Buffer.from(word, 'base64').toString('utf8')
        : fromQuotedPrintable(word.replaceAll('_', ' ')),
    );
}
