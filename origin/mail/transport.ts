// How mails leave: by SMTP where it is set, else as files that one can open, which is what a shop on a laptop wants.
import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import nodemailer from 'nodemailer';
import type { Attachment } from 'nodemailer/lib/mailer/index.js';
import type { Settings } from '../config.ts';
import { type Mail, renderHtml, renderText } from './mail.ts';

export interface Transport {
  /** @param id the same for a repetition of the same mail */
  send(mail: Mail, id: string): Promise<void>;
}

type MailSettings = Pick<Settings, 'smtpUrl' | 'dataDir' | 'siteUrl'>;

const timeoutMs = 10_000;

export function createTransport(settings: MailSettings): Transport {
  return settings.smtpUrl === undefined ? fileTransport(settings) : smtpTransport(settings, settings.smtpUrl);
}

/** Written whole or not at all; a repetition writes the same file. */
function fileTransport(settings: MailSettings): Transport {
  const folder = join(settings.dataDir, 'mail');
  return {
    async send(mail, id) {
      const composer = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: 'unix' });
      const { message } = await composer.sendMail(compose(settings, mail, id, writtenPart));
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const file = join(folder, `${id}.eml`);
      // A repetition may be under way at the same time.
      const draft = join(folder, `${id}.${randomUUID()}.new`);
      await writeFile(draft, message, { mode: 0o600 });
      await rename(draft, file);
    },
  };
}

function smtpTransport(settings: MailSettings, url: string): Transport {
  const transport = nodemailer.createTransport(url, {
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
  } as object);
  return {
    async send(mail, id) {
      try {
        await transport.sendMail(compose(settings, mail, id, sentPart));
      } finally {
        transport.close();
      }
    },
  };
}

function compose({ siteUrl }: MailSettings, mail: Mail, id: string, textPart: (text: string) => Attachment) {
  const host = new URL(siteUrl).hostname;
  return {
    from: { name: 'MyClothes.com', address: `shop@${host.includes('.') ? host : 'myclothes.test'}` },
    to: mail.to,
    subject: mail.subject,
    messageId: `<outbox-${id}@${host}>`,
    alternatives: [
      textPart(renderText(mail)),
      { contentType: 'text/html; charset=utf-8', content: renderHtml(mail) },
    ],
  };
}

/** Not encoded, so that a link can be copied by whoever opens the file. */
function writtenPart(text: string): Attachment {
  return { raw: unencoded(text, isAscii(text) ? '7bit' : '8bit') };
}

/** Not encoded where every server takes it so; mail programs decode the rest. */
function sentPart(text: string): Attachment {
  return isAscii(text)
    ? { raw: unencoded(text, '7bit') }
    : { contentType: 'text/plain; charset=utf-8', content: text };
}

function unencoded(text: string, encoding: '7bit' | '8bit'): string {
  const head = ['Content-Type: text/plain; charset=utf-8', `Content-Transfer-Encoding: ${encoding}`];
  return [...head, '', ...text.split('\n')].join('\r\n');
}

function isAscii(text: string): boolean {
  return /^[\n -~]*$/.test(text);
}
