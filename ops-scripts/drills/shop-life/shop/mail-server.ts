// An SMTP server for all recipients: each address has a fate, such as refused for now; keeps every message it accepted.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

/** `hangs` takes the mail and never answers, `stalls` never answers to the address; both cut the line in the end. */
export const fates = ['accepts', 'delays', 'refuses for now', 'refuses for good', 'hangs', 'stalls'] as const;
export type Fate = (typeof fates)[number];

export interface Copy {
  to: string;
  messageId: string;
  /** Headers and body, lines ending in LF. */
  message: string;
  atMs: number;
  /** Whether the server said that it has it. */
  confirmed: boolean;
}

export interface SmtpRefusal {
  to: string;
  code: number;
  atMs: number;
}

export interface MailServer extends AsyncDisposable {
  url: string;
  copies: Copy[];
  refusals: SmtpRefusal[];
  /** What becomes of mails to this address; without it they are accepted. */
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
      // RFC 5321, 4.5.2: a line of one dot ends the mail, other dots at a line's start are doubled.
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

/**
 * A server that refuses for now does so at the address, as one does that greylists; each refusal bears another code.
 */
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
