// Sends one mail over one SMTP connection.
// Every stage has a deadline, and the mail stays claimed while the server may still take it.
import { Readable } from 'node:stream';
import nodemailer from 'nodemailer';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { type MailAttempt, MailFailure } from './mail.ts';

/** From the DNS look-up to the greeting. */
const connectMs = 30_000;
/** From the start until the server is ready for the text. */
const readyMs = 120_000;
/** A server may take 10 minutes to confirm the text (RFC 5321, 4.5.3.2.6); the rest is for sending the text. */
const answerMs = 10 * 60_000 + 15_000;
/**
 * How long the mail is claimed. It exceeds `answerMs`, so that no second copy is sent while the first may still be
 * taken.
 */
const holdSeconds = 11 * 60;
/** How long claiming the mail may take. Together with `answerMs` it stays below `holdSeconds`. */
const mostHoldMs = 30_000;
const quitMs = 5_000;

interface Envelope {
  from: string | false;
  to: string[];
}

/** @throws MailFailure, or the reason why the attempt was aborted or the mail could not be claimed */
export async function sendBySmtp(
  url: string,
  envelope: Envelope,
  message: Buffer,
  attempt: MailAttempt,
): Promise<void> {
  attempt.signal?.throwIfAborted();
  const connection = new SMTPConnection({
    ...optionsOf(url),
    connectionTimeout: connectMs,
    greetingTimeout: connectMs,
    // This timeout bounds one silence. A server that drips bytes is stopped by the stage deadlines below.
    socketTimeout: answerMs,
    socketCloseTimeout: 1_000,
  });
  // The connection emits errors again after the callbacks below. Without a listener they would end the process.
  const broken = new Promise<never>((_, reject) => connection.on('error', reject));
  const stage = createDeadline(readyMs, 'The mail server was not ready for the text within 2 minutes');
  const ended = new Promise<never>((_, reject) => {
    attempt.signal?.addEventListener('abort', () => reject(attempt.signal?.reason), { once: true });
  });
  let isConnected = false;
  let whyNotHeld: unknown;
  const text = Readable.from(
    (async function* () {
      const askedAtMs = performance.now();
      try {
        await attempt.holdFor?.(holdSeconds);
        if (performance.now() - askedAtMs > mostHoldMs)
          throw new Error('Cannot hand the mail over as this process stood still');
      } catch (error) {
        whyNotHeld = error;
        throw error;
      }
      stage.extend(answerMs, 'The mail server did not answer within 10 minutes whether it takes the mail');
      yield message;
    })(),
  );
  try {
    const work = converse(connection, url, () => {
      isConnected = true;
      return { envelope, text };
    });
    for (const promise of [work, broken, ended]) promise.catch(() => undefined);
    await Promise.race([work, broken, ended, stage.expired]);
    sayGoodbye(connection);
  } catch (error) {
    connection.close();
    if (whyNotHeld !== undefined) throw whyNotHeld;
    if (attempt.signal?.aborted) throw attempt.signal.reason;
    throw toMailFailure(error, isConnected);
  } finally {
    stage.clear();
  }
}

/** @param onConnected returns envelope and text; the text is read only when the server is ready for it */
async function converse(
  connection: SMTPConnection,
  url: string,
  onConnected: () => { envelope: Envelope; text: Readable },
): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    connection.connect((error) => (error ? reject(error) : resolve())),
  );
  const { envelope, text } = onConnected();
  const { auth } = optionsOf(url);
  if (auth !== undefined && connection.allowsAuth)
    await new Promise<void>((resolve, reject) =>
      connection.login(auth, (error) => (error ? reject(error) : resolve())),
    );
  await new Promise<void>((resolve, reject) =>
    connection.send(envelope, text, (error) => (error ? reject(error) : resolve())),
  );
}

function optionsOf(url: string) {
  return nodemailer.createTransport({ url }).options;
}

/** Closes the connection in the background, because the server has accepted the mail. */
function sayGoodbye(connection: SMTPConnection): void {
  connection.quit();
  setTimeout(() => connection.close(), quitMs).unref();
}

function createDeadline(ms: number, reason: string) {
  let timer: NodeJS.Timeout;
  let reject: (error: Error) => void;
  const expired = new Promise<never>((_, rejectLate) => {
    reject = rejectLate;
  });
  expired.catch(() => undefined);
  const extend = (byMs: number, why: string) => {
    clearTimeout(timer);
    timer = setTimeout(() => reject(new Error(why)), byMs);
  };
  extend(ms, reason);
  return { expired, extend, clear: () => clearTimeout(timer) };
}

interface SmtpError extends Error {
  code?: string;
  /** The server's reply code, where it answered. */
  responseCode?: number;
  response?: string;
  /** The command that failed; `API` where nothing was sent. */
  command?: string;
}

/** Commands whose refusal concerns the mail itself. Other refusals, such as of the password, say nothing against it. */
const mailCommands = new Set(['MAIL FROM', 'RCPT TO', 'DATA']);

function toMailFailure(error: unknown, isConnected: boolean): MailFailure {
  const { code, response, responseCode, command, message } = error as SmtpError;
  const isRefused = responseCode !== undefined && responseCode >= 500 && mailCommands.has(command ?? '');
  // The address cannot be written into an envelope, or the mail exceeds the server's size limit.
  const isImpossible = response === undefined && (code === 'EENVELOPE' || code === 'EMESSAGE');
  return new MailFailure(`Cannot send the mail: ${message}${command ? ` (${command})` : ''}`, {
    isPermanent: isRefused || isImpossible,
    isUnreachable: !isConnected,
    cause: error,
  });
}
