// A small SMTP server that keeps what it is sent; it may refuse for a while, or keep silent after it has taken a mail, as servers do.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

export interface ReceivedMail {
  from: string;
  to: string[];
  /** Headers and body as they came, lines ending in LF. */
  message: string;
  messageId: string;
}

export interface SmtpServer extends AsyncDisposable {
  url: string;
  mails: ReceivedMail[];
  /** How many of the next mails are refused for now (451). */
  refusals: number;
  /** Whether mails are taken and never answered. */
  isSilent: boolean;
}

export async function startSmtpServer(): Promise<SmtpServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    void converse(socket, state);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const state: SmtpServer = {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mails: [],
    refusals: 0,
    isSilent: false,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return state;
}

async function converse(socket: Socket, state: SmtpServer): Promise<void> {
  const say = (line: string) => socket.write(`${line}\r\n`);
  let from = '';
  let to: string[] = [];
  let message: string[] | undefined;
  say('220 test ESMTP');
  for await (const line of createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (message !== undefined) {
      // RFC 5321, 4.5.2: a line of one dot ends the mail, other dots at a line's start are doubled.
      if (line !== '.') message.push(line.startsWith('.') ? line.slice(1) : line);
      else {
        take(state, { from, to, message: message.join('\n') }, say);
        message = undefined;
        to = [];
      }
      continue;
    }
    const [verb = ''] = line.toUpperCase().split(' ', 1);
    if (verb === 'MAIL') from = addressIn(line);
    if (verb === 'RCPT') to.push(addressIn(line));
    if (verb === 'DATA') message = [];
    say(verb === 'DATA' ? '354 go on' : verb === 'QUIT' ? '221 bye' : '250 ok');
    if (verb === 'QUIT') socket.end();
  }
}

function take(state: SmtpServer, mail: Omit<ReceivedMail, 'messageId'>, say: (line: string) => void): void {
  if (state.refusals > 0) {
    state.refusals -= 1;
    say('451 not now');
    return;
  }
  const messageId = /^message-id: *(<[^>]+>)/im.exec(mail.message)?.[1] ?? '';
  state.mails.push({ ...mail, messageId });
  if (!state.isSilent) say('250 taken');
}

function addressIn(line: string): string {
  return /<([^>]*)>/.exec(line)?.[1] ?? '';
}
