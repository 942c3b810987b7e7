// Sends mails by SMTP if it is configured. Otherwise it writes them as files, for a shop on a laptop.
import { randomUUID } from 'node:crypto';
import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { domainToUnicode } from 'node:url';
import nodemailer from 'nodemailer';
import type { Attachment } from 'nodemailer/lib/mailer/index.js';
import { makeFolders } from '../../http/system-faults.ts';
import type { Settings } from '../config.ts';
import { type Mail, type MailAttempt, MailFailure, renderHtml, renderText } from './mail.ts';
import { sendBySmtp } from './send-by-smtp.ts';

export interface Transport {
  /** @throws MailFailure */
  send(mail: Mail, attempt: MailAttempt): Promise<void>;
}

type MailSettings = Pick<Settings, 'smtpUrl' | 'dataDir' | 'siteUrl' | 'sellerLines'>;

export function createTransport(settings: MailSettings): Transport {
  return settings.smtpUrl === undefined ? fileTransport(settings) : smtpTransport(settings, settings.smtpUrl);
}

const folderOf = (settings: Pick<Settings, 'dataDir'>) => join(settings.dataDir, 'mail');

/** Writes each file as a whole or not at all. A repeated attempt writes the same file. */
function fileTransport(settings: MailSettings): Transport {
  const folder = folderOf(settings);
  return {
    async send(mail, { id }) {
      const { message } = await composeMail(settings, mail, id, { textPart: writtenPart, newline: 'unix' });
      try {
        makeFolders(folder);
        await writeWhole(folder, `${id}.eml`, message);
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new MailFailure(`Cannot write the mail: ${reason}`, { isPermanent: false, cause });
      }
    },
  };
}

async function writeWhole(folder: string, name: string, content: Buffer): Promise<void> {
  // A repeated attempt may run at the same time.
  const draft = join(folder, `${name}.${randomUUID()}.new`);
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, join(folder, name));
  } catch (error) {
    // Where the disk is full, the part that was written must not stay.
    await rm(draft, { force: true }).catch(() => undefined);
    throw error;
  }
}

const draftMs = 10 * 60_000;

/** Removes files that a killed process left half written. Younger ones may belong to another worker. */
export function removeOldDrafts(settings: Pick<Settings, 'dataDir'>): Promise<void> {
  return removeFiles(settings, async (_file, { isDraft, ageMs }) => isDraft && ageMs > draftMs);
}

/**
 * Removes mails of an erased person, including drafts, and mails whose time is over.
 * @param isToGo decides for each mail by its number, the address it was written to, and its age
 */
export function removeMails(
  settings: Pick<Settings, 'dataDir'>,
  isToGo: (mail: { id: string; to: string; ageMs: number }) => boolean,
): Promise<void> {
  return removeFiles(settings, async (file, { ageMs }) => {
    const to = await readRecipient(file);
    return isToGo({ id: basename(file).split('.')[0]!, to, ageMs });
  });
}

async function removeFiles(
  settings: Pick<Settings, 'dataDir'>,
  isToGo: (file: string, facts: { isDraft: boolean; ageMs: number }) => Promise<boolean>,
): Promise<void> {
  const folder = folderOf(settings);
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => /\.(eml|new)$/.test(one))) {
    const file = join(folder, name);
    const found = await stat(file).catch(() => undefined);
    // The file is gone meanwhile, because a draft became a mail.
    if (found === undefined) continue;
    const facts = { isDraft: name.endsWith('.new'), ageMs: Date.now() - found.mtimeMs };
    if (await isToGo(file, facts)) await rm(file, { force: true });
  }
}

/** @returns the recipient's address as it was given; empty where the file has none */
async function readRecipient(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const [head = ''] = text.split(/\r?\n\r?\n/, 1);
  // A long header line is folded: its next line begins with a space.
  const to = /^To:(.*(?:\r?\n[ \t].*)*)/im.exec(head)?.[1] ?? '';
  const address = /<([^<>]+)>/.exec(to)?.[1] ?? to;
  const [, local = '', domain = ''] = /^(.*)@([^@]*)$/.exec(address.replaceAll(/\s/g, '')) ?? [];
  return `${local}@${domainToUnicode(domain) || domain}`;
}

function smtpTransport(settings: MailSettings, url: string): Transport {
  return {
    async send(mail, attempt) {
      const { envelope, message } = await composeMail(settings, mail, attempt.id, {
        textPart: sentPart,
        newline: 'windows',
      });
      await sendBySmtp(url, envelope, message, attempt);
    },
  };
}

async function composeMail(
  settings: MailSettings,
  mail: Mail,
  id: string,
  { textPart, newline }: { textPart: (text: string) => Attachment; newline: 'unix' | 'windows' },
) {
  const host = new URL(settings.siteUrl).hostname;
  const composer = nodemailer.createTransport({ streamTransport: true, buffer: true, newline });
  const { envelope, message } = await composer.sendMail({
    from: { name: 'MyClothes.com', address: `shop@${host.includes('.') ? host : 'myclothes.test'}` },
    // An address object is used, because commas and brackets have a meaning in text.
    to: { name: '', address: mail.to },
    subject: mail.subject,
    messageId: `<outbox-${id}@${host}>`,
    alternatives: [
      textPart(renderText(mail, settings)),
      { contentType: 'text/html; charset=utf-8', content: renderHtml(mail, settings) },
    ],
  });
  return { envelope, message: message as Buffer };
}

/** Writes text without encoding, so that links in the file can be copied. */
function writtenPart(text: string): Attachment {
  return { raw: unencoded(text, isAscii(text) ? '7bit' : '8bit') };
}

/** Sends ASCII without encoding, which every server takes; other text is encoded, and mail clients decode it. */
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
