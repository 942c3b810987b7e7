// The confirmation of an order is sent once: each order has one outbox row and one Message-ID, whatever process dies.
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { settlePayment } from '../../origin/order/pay-order.ts';
import { recordOutcome } from '../../origin/order/record-outcome.ts';
import { deliverMail, startJobs } from '../../worker/jobs.ts';
import { type RunningProgram, runProgram } from '../support/run-program.ts';
import { openShop, type Shop } from '../support/shop.ts';
import { type SmtpServer, startSmtpServer } from '../support/smtp-server.ts';

/** A worker may start slowly on a busy machine. */
const wait = { timeout: 60_000, interval: 50 };

let smtp: SmtpServer;
let shop: Shop;
beforeAll(async () => {
  smtp = await startSmtpServer();
  shop = await openShop({ env: { SMTP_URL: smtp.url, SITE_URL: 'https://shop.example' } });
});
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
  await smtp?.[Symbol.asyncDispose]();
});

function order(email: string, change: Record<string, unknown> = {}) {
  return shop.browser().buy(shop.variants[0]!.id, 2, { email, ...change });
}
const mailRows = (email: string) =>
  shop.deps.db
    .selectFrom('outbox')
    .select(['id', 'state', 'payload', 'failure'])
    .where('kind', '=', 'mail')
    .execute()
    .then((rows) => rows.filter((row) => (row.payload as { to: string }).to === email));
const rowTo = (email: string) => sql`kind = 'mail' and payload ->> 'to' = ${email}`;
const minutesUntil = async (email: string, column: 'due_at' | 'claimed_until') => {
  const { rows } = await sql<{ minutes: number }>`
    select greatest(0, extract(epoch from ${sql.ref(column)} - clock_timestamp()) / 60)::float as minutes
    from outbox where ${rowTo(email)}`.execute(shop.deps.db);
  return rows[0]!.minutes;
};
const minutesUntilDue = (email: string) => minutesUntil(email, 'due_at');
const minutesHeld = (email: string) => minutesUntil(email, 'claimed_until');
const makeDue = (email: string) =>
  sql`update outbox set due_at = clock_timestamp() where ${rowTo(email)}`.execute(shop.deps.db);
const endClaim = (email: string) =>
  sql`update outbox set claimed_until = clock_timestamp() where ${rowTo(email)}`.execute(shop.deps.db);
const mailsTo = (email: string) => smtp.mails.filter((mail) => mail.to.includes(email));
const stateOf = async (email: string) => (await mailRows(email))[0]?.state;

describe('a confirmation', () => {
  test('is requested once, though the payment is reported three times', async () => {
    const { id } = await order('news@example.com', { payment: { provider: 'demo', outcome: 'unknown' } });
    expect(await mailRows('news@example.com')).toEqual([]);
    await Promise.all([
      settlePayment(shop.deps, id),
      settlePayment(shop.deps, id),
      recordOutcome(shop.deps, id, { status: 'paid' }),
    ]);
    expect(await mailRows('news@example.com')).toHaveLength(1);
  });

  test('is requested neither where the payment is refused nor while it is open', async () => {
    await order('declined@example.com', { payment: { provider: 'demo', outcome: 'declined' } });
    await order('open@example.com', { payment: { provider: 'demo', outcome: 'unknown' } });
    expect([...(await mailRows('declined@example.com')), ...(await mailRows('open@example.com'))]).toEqual(
      [],
    );
  });

  test('says what was bought for how much, that no money moved, and where the order stands', async () => {
    const { id, number } = await order('ada@example.com');
    const jobs = startJobs(shop.deps);
    await expect.poll(() => stateOf('ada@example.com'), wait).toBe('done');
    await jobs.stop();
    const [mail] = mailsTo('ada@example.com');
    const text = mail!.message.replaceAll('=\n', '').replaceAll('=E2=82=AC', '€').replaceAll('=C3=97', '×');
    expect(mail!.from).toBe('shop@shop.example');
    expect(text).toMatch(new RegExp(`^Subject: Your order ${number}$`, 'm'));
    expect(text).toContain('multipart/alternative');
    for (const part of ['2 × ', '€39.98', 'no money moved', `https://shop.example/orders/${id}`])
      expect(text).toContain(part);
  });

  test('whose job runs twice bears one Message-ID, by which mail systems know it again', async () => {
    await order('twice@example.com');
    const [row] = await mailRows('twice@example.com');
    const job = { id: row!.id };
    await deliverMail(shop.deps, row!.payload as never, job);
    await deliverMail(shop.deps, row!.payload as never, job);
    const ids = mailsTo('twice@example.com').map((mail) => mail.messageId);
    expect(new Set(ids)).toEqual(new Set([`<outbox-${row!.id}@shop.example>`]));
  });

  test('that the server would not take yet is brought again after 30 minutes, then after an hour, until it does', async () => {
    let refusals = 2;
    smtp.react = (stage, to) =>
      stage === 'RCPT' && to.includes('later@example.com') && refusals-- > 0
        ? { say: '451 not now' }
        : undefined;
    await order('later@example.com');
    const jobs = startJobs(shop.deps);
    for (const minutes of [30, 60]) {
      await expect.poll(() => minutesUntilDue('later@example.com'), wait).toBeGreaterThan(minutes - 1);
      expect(await minutesUntilDue('later@example.com')).toBeLessThan(minutes * 1.1 + 1);
      await makeDue('later@example.com');
    }
    await expect.poll(() => stateOf('later@example.com'), wait).toBe('done');
    await jobs.stop();
    expect(mailsTo('later@example.com')).toHaveLength(1);
  });

  test('whose worker is killed after handing it over is known as the same mail, and the work ends', async () => {
    await order('killed@example.com');
    smtp.isSilent = true;
    await using first = startWorker();
    await expect.poll(() => mailsTo('killed@example.com').length, wait).toBe(1);
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    expect(await stateOf('killed@example.com')).toBe('pending');
    // The server may still accept the first copy for ten minutes.
    expect(await minutesHeld('killed@example.com')).toBeGreaterThan(10);
    smtp.isSilent = false;
    await using _second = startWorker();
    await order('after@example.com');
    await expect.poll(() => stateOf('after@example.com'), wait).toBe('done');
    expect(mailsTo('killed@example.com')).toHaveLength(1);
    await endClaim('killed@example.com');
    await expect.poll(() => stateOf('killed@example.com'), wait).toBe('done');
    expect(mailsTo('killed@example.com')).toHaveLength(2);
    expect(new Set(mailsTo('killed@example.com').map((mail) => mail.messageId)).size).toBe(1);
  }, 150_000);

  test('of a person who was forgotten meanwhile is forgotten as well, and not sent', async () => {
    const browser = shop.browser();
    await browser.signUp('gone@example.com');
    await browser.buy(shop.variants[0]!.id, 1, { email: 'gone@example.com' });
    expect(await stateOf('gone@example.com')).toBe('pending');
    expect((await browser.delete('/api/account')).status).toBe(204);
    expect(await mailRows('gone@example.com')).toEqual([]);
    await order('after-gone@example.com');
    const jobs = startJobs(shop.deps);
    await expect.poll(() => stateOf('after-gone@example.com'), wait).toBe('done');
    await jobs.stop();
    expect(mailsTo('gone@example.com')).toEqual([]);
  });
});

describe('without SMTP', () => {
  test('a mail is one file, however often its job runs', async () => {
    await using quiet = await openShop();
    await quiet.browser().buy(quiet.variants[0]!.id, 1, { email: 'file@example.com' });
    const row = await quiet.deps.db
      .selectFrom('outbox')
      .select(['id', 'payload'])
      .where('kind', '=', 'mail')
      .executeTakeFirstOrThrow();
    const job = { id: row.id };
    await Promise.all([1, 2, 3].map(() => deliverMail(quiet.deps, row.payload as never, job)));
    const folder = join(quiet.dataDir, 'mail');
    expect(await readdir(folder)).toEqual([`${row.id}.eml`]);
    const file = await readFile(join(folder, `${row.id}.eml`), 'utf8');
    expect(file).toContain('file@example.com');
    // An editor shows the text unencoded, and no line exceeds the limit of mails.
    expect(file).toMatch(/^http:\/\/localhost:3000\/orders\/\d+\?key=[\w.-]+$/m);
    expect(file).toMatch(/^Content-Transfer-Encoding: 8bit\n\n(.*\n)*1 × .*: €19\.99$/m);
    expect(Math.max(...file.split('\n').map((line) => Buffer.byteLength(line)))).toBeLessThan(998);
  });
});

function startWorker(): RunningProgram {
  const { settings } = shop.deps;
  return runProgram('worker/main.ts', [], {
    DATABASE_URL: settings.databaseUrl,
    REDIS_URL: settings.redisUrls.join(','),
    COOKIE_KEYS: settings.cookieKeys.join(','),
    DATA_DIR: shop.dataDir,
    WORKER_PORT: '0',
    SMTP_URL: smtp.url,
    SITE_URL: 'https://shop.example',
    LOG_LEVEL: 'warn',
  });
}

test('an order that is paid at the door is confirmed as well, once', async () => {
  const email = 'at-the-door@example.com';
  const { id } = await order(email, { payment: { provider: 'on-delivery' } });
  expect(await mailRows(email)).toHaveLength(1);
  await settlePayment(shop.deps, id);
  expect(await mailRows(email)).toHaveLength(1);
});
