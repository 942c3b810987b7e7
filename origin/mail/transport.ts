// How mails leave: by SMTP where it is set, else as files that one can open, which is what a shop on a laptop wants.
import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import nodemailer from 'nodemailer';
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
      const { message } = await composer.sendMail(compose(settings, mail, id));
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
        await transport.sendMail(compose(settings, mail, id));
      } finally {
        transport.close();
      }
    },
  };
}

function compose({ siteUrl }: MailSettings, mail: Mail, id: string) {
  const host = new URL(siteUrl).hostname;
  return {
    from: { name: 'MyClothes.com', address: `shop@${host.includes('.') ? host : 'myclothes.test'}` },
    to: mail.to,
    subject: mail.subject,
    messageId: `<outbox-${id}@${host}>`,
    text: renderText(mail),
    html: renderHtml(mail),
  };
}
