// An SMTP server for all recipients. Each address has a fate, such as "refuses for now", and its mails can be read.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'node-html-parser';

/**
 * `hangs` accepts the mail and never answers. `stalls` never answers to the address. Both close the connection in the
 * end.
 */
const fates = ['accepts', 'delays', 'refuses for now', 'refuses for good', 'hangs', 'stalls'] as const;
export type Fate = (typeof fates)[number];

export interface Copy {
  to: string;
  messageId: string;
  /** Headers and body, lines ending in LF. */
  message: string;
  atMs: number;
  /** Whether the server confirmed the mail. */
  confirmed: boolean;
}

interface SmtpRefusal {
  to: string;
  code: number;
  atMs: number;
}

export interface MailServer extends AsyncDisposable {
  url: string;
  copies: Copy[];
  refusals: SmtpRefusal[];
  /** Sets the fate of mails to this address. Without it they are accepted. */
  setFate(address: string, fate: Fate): void;
  fateOf(address: string): Fate;
}

const lateMs = 1_500;
const silentMs = 25_000;
const refusalsForNow = [421, 450, 451, 452];

export async function startMailServer(): Promise<MailServer> {
  const sockets = new Set<Socket>();
  const fateByAddress = new Map<string, Fate>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    converse(socket, state).catch(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const state: MailServer = {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    copies: [],
    refusals: [],
    setFate: (address, fate) => void fateByAddress.set(address.toLowerCase(), fate),
    fateOf: (address) => fateByAddress.get(address.toLowerCase()) ?? 'accepts',
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return state;
}

async function converse(socket: Socket, state: MailServer): Promise<void> {
  const say = (line: string) => socket.write(`${line}\r\n`);
  let to = '';
  let message: string[] | undefined;
  say('220 mail.life.test ESMTP');
  for await (const line of createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (message !== undefined) {
      // RFC 5321, 4.5.2: a line of one dot ends the mail, and other dots at the start of a line are doubled.
      if (line !== '.') message.push(line.startsWith('.') ? line.slice(1) : line);
      else {
        await take(socket, state, to, message.join('\n'));
        message = undefined;
      }
      continue;
    }
    const [verb = ''] = line.toUpperCase().split(' ', 1);
    if (verb === 'EHLO') say('250-mail.life.test\r\n250-8BITMIME\r\n250 SMTPUTF8');
    else if (verb === 'RCPT') {
      to = /<([^>]*)>/.exec(line)?.[1] ?? '';
      const answer = await answerToAddress(socket, state, to);
      if (answer !== undefined) say(answer);
    } else if (verb === 'DATA') {
      message = [];
      say('354 go on');
    } else if (verb === 'QUIT') {
      say('221 bye');
      socket.end();
    } else say('250 ok');
  }
}

/** Answers to RCPT. A temporary refusal comes here, as with greylisting. Its code depends on the address. */
async function answerToAddress(socket: Socket, state: MailServer, to: string): Promise<string | undefined> {
  const fate = state.fateOf(to);
  if (fate === 'stalls') return void (await keepSilent(socket));
  if (fate === 'refuses for good') return refuse(state, to, 550);
  const earlier = state.refusals.filter((refusal) => refusal.to === to).length;
  if (fate === 'refuses for now' && earlier === 0)
    return refuse(state, to, refusalsForNow[to.length % refusalsForNow.length]!);
  return '250 ok';
}

function refuse(state: MailServer, to: string, code: number): string {
  state.refusals.push({ to, code, atMs: Date.now() });
  return code < 500 ? `${code} 4.7.1 please come again later` : `${code} 5.1.1 no such mailbox here`;
}

async function take(socket: Socket, state: MailServer, to: string, message: string): Promise<void> {
  const messageId = /^message-id: *(<[^>]+>)/im.exec(message)?.[1] ?? '';
  const copy: Copy = { to, messageId, message, atMs: Date.now(), confirmed: false };
  state.copies.push(copy);
  const fate = state.fateOf(to);
  if (fate === 'hangs') return keepSilent(socket);
  if (fate === 'delays') await delay(lateMs, undefined, { ref: false });
  copy.confirmed = true;
  socket.write('250 taken\r\n');
}

async function keepSilent(socket: Socket): Promise<void> {
  await delay(silentMs, undefined, { ref: false });
  socket.destroy();
}

// Parses a mail: subject, text, and links.

interface ReadableMail {
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
