// A small SMTP server that keeps the mails that it gets. At each stage it may refuse, wait, hang or drop the
// connection.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

export interface ReceivedMail {
  from: string;
  to: string[];
  /** Headers and body as received, with lines ending in LF. */
  message: string;
  messageId: string;
}

/** `connect` is before the greeting, `end` after the end of the text. */
export const smtpStages = ['connect', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'end'] as const;
export type SmtpStage = (typeof smtpStages)[number];

/** A line to answer with, no answer for ever, a closed connection, or a pause before the usual answer. */
export type SmtpReaction = { say: string } | 'hang' | 'drop' | { afterMs: number };

export interface SmtpServer extends AsyncDisposable {
  url: string;
  /** Accepted mails, also those without an answer. */
  mails: ReceivedMail[];
  /** How often each stage was reached. */
  reached: Record<SmtpStage, number>;
  /** Whether mails are accepted and never answered. */
  isSilent: boolean;
  /** Decides at each stage; undefined: the usual answer. */
  react: (stage: SmtpStage, to: string[]) => SmtpReaction | undefined;
}

/** @param port 0: a free port */
export async function startSmtpServer(port = 0): Promise<SmtpServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    void converse(socket, state).catch(() => undefined);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const state: SmtpServer = {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mails: [],
    reached: { connect: 0, EHLO: 0, MAIL: 0, RCPT: 0, DATA: 0, end: 0 },
    isSilent: false,
    react: () => undefined,
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
  /** @returns whether the usual answer was given */
  const answer = async (stage: SmtpStage, usual: string): Promise<boolean> => {
    state.reached[stage] += 1;
    const reaction = state.react(stage, to);
    if (reaction === 'hang') return false;
    if (reaction === 'drop') {
      socket.destroy();
      return false;
    }
    if (reaction !== undefined && 'say' in reaction) {
      say(reaction.say);
      return false;
    }
    if (reaction !== undefined) await delay(reaction.afterMs, undefined, { ref: false });
    say(usual);
    return true;
  };
  await answer('connect', '220 test ESMTP');
  for await (const line of createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (message !== undefined) {
      // RFC 5321, 4.5.2: a line of one dot ends the mail, and other dots at the start of a line are doubled.
      if (line !== '.') message.push(line.startsWith('.') ? line.slice(1) : line);
      else {
        const mail = { from, to, message: message.join('\n') };
        message = undefined;
        await take(state, mail, answer);
        to = [];
      }
      continue;
    }
    const [verb = ''] = line.toUpperCase().split(' ', 1);
    if (verb === 'MAIL') from = addressIn(line);
    if (verb === 'RCPT') to = [...to, addressIn(line)];
    const stage = smtpStages.find((one) => one === verb);
    if (stage === undefined) say(verb === 'QUIT' ? '221 bye' : '250 ok');
    else if (await answer(stage, verb === 'DATA' ? '354 go on' : '250 ok')) {
      if (verb === 'DATA') message = [];
    }
    if (verb === 'QUIT') socket.end();
  }
}

async function take(
  state: SmtpServer,
  mail: Omit<ReceivedMail, 'messageId'>,
  answer: (stage: SmtpStage, usual: string) => Promise<boolean>,
): Promise<void> {
  const messageId = /^message-id: *(<[^>]+>)/im.exec(mail.message)?.[1] ?? '';
  const reaction = state.react('end', mail.to);
  const isRefused = typeof reaction === 'object' && 'say' in reaction && !reaction.say.startsWith('2');
  if (!isRefused) state.mails.push({ ...mail, messageId });
  if (!state.isSilent) await answer('end', '250 taken');
}

function addressIn(line: string): string {
  return /<([^>]*)>/.exec(line)?.[1] ?? '';
}
