// Whatever a mail server does, each mail is tried by its schedule, never twice at once, and delays no other work.
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { removeOldDrafts } from '../../origin/mail/transport.ts';
import { addToOutbox } from '../../origin/outbox/events.ts';
import { deliverMail, startJobs } from '../../worker/jobs.ts';
import { openShop, type Shop } from '../support/shop.ts';
import { type SmtpServer, type SmtpStage, smtpStages, startSmtpServer } from '../support/smtp-server.ts';

const wait = { timeout: 30_000, interval: 50 };

let smtp: SmtpServer;
let shop: Shop;
beforeAll(async () => {
  smtp = await startSmtpServer();
  shop = await openShop({
    env: { SMTP_URL: smtp.url, SITE_URL: 'https://shop.example', RATE_LIMITS: 'off' },
  });
});
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
  await smtp?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  smtp.react = () => undefined;
  smtp.mails.length = 0;
  await shop.deps.db.deleteFrom('outbox').execute();
});

interface MailRow {
  state: string;
  failure: string | null;
  failures: number;
  dueInMinutes: number;
  heldForMinutes: number;
}

/** Requests a password reset for this address. @returns the row's id */
async function mailTo(email: string, { deps } = shop): Promise<string> {
  await sql`
    insert into accounts (email, name, password_hash) values (${email}, 'Test Person', 'none')
    on conflict do nothing`.execute(deps.db);
  const { id } = await deps.db
    .transaction()
    .execute((tx) => addToOutbox(tx, 'mail', { to: email, template: 'password-reset', data: {} }));
  return id;
}

async function rowOf(id: string, { deps } = shop): Promise<MailRow> {
  const { rows } = await sql<MailRow>`
    select state, failure, failures,
      (extract(epoch from due_at - clock_timestamp()) / 60)::float as "dueInMinutes",
      greatest(0, extract(epoch from claimed_until - clock_timestamp()) / 60)::float as "heldForMinutes"
    from outbox where id = ${id}`.execute(deps.db);
  return rows[0]!;
}
const stateOf = async (id: string, of = shop) => (await rowOf(id, of)).state;
const mailsTo = (email: string, { mails } = smtp) => mails.filter(({ to }) => to.includes(email));

/** @returns the rows after each has failed once or became a dead letter */
async function failEach(ids: string[]): Promise<MailRow[]> {
  const jobs = startJobs(shop.deps);
  try {
    const failed = async () =>
      (await Promise.all(ids.map((id) => rowOf(id)))).filter(({ failures }) => failures > 0);
    await expect.poll(async () => (await failed()).length, wait).toBe(ids.length);
  } finally {
    await jobs.stop();
  }
  return Promise.all(ids.map((id) => rowOf(id)));
}

/** The address names the stage of the reaction, so that one server can simulate all of them at once. */
const reactByAddress = (reactions: Record<string, ReturnType<SmtpServer['react']>>) => {
  smtp.react = (stage, to) => {
    const named = to.map((address) => address.split('@')[0]!.split('.')).find(([at]) => at === stage);
    return named && reactions[named[1]!];
  };
};
const stagesOfMail: SmtpStage[] = ['RCPT', 'DATA', 'end'];

describe('a mail', () => {
  test('that is refused for now is due again in 30 minutes, and one that is refused for good is a dead letter at once', async () => {
    reactByAddress({ later: { say: '451 4.7.1 come later' }, never: { say: '550 5.1.1 no such user' } });
    const later = await Promise.all(stagesOfMail.map((stage) => mailTo(`${stage}.later@a.example`)));
    const never = await Promise.all(stagesOfMail.map((stage) => mailTo(`${stage}.never@b.example`)));
    const rows = await failEach([...later, ...never]);
    for (const row of rows.slice(0, later.length)) {
      expect(row).toMatchObject({ state: 'pending', failures: 1, heldForMinutes: 0 });
      expect(row.failure).toContain('451 4.7.1 come later');
      expect(row.dueInMinutes).toBeGreaterThan(29);
      expect(row.dueInMinutes).toBeLessThan(34);
    }
    for (const row of rows.slice(later.length)) {
      expect(row).toMatchObject({ state: 'dead', failures: 1 });
      expect(row.failure).toContain('550 5.1.1 no such user');
    }
    expect(smtp.mails).toEqual([]);
  });

  test.each([
    ['the sender for now', 'MAIL', { say: '421 4.3.2 closing' }, 'pending'],
    ['the sender for good', 'MAIL', { say: '553 5.7.1 not yours' }, 'dead'],
    ['anybody, at the greeting', 'connect', { say: '554 no service' }, 'pending'],
    ['anybody, after the greeting', 'EHLO', { say: '421 too busy' }, 'pending'],
    ['with 454, as a throttled account', 'MAIL', { say: '454 Throttling failure' }, 'pending'],
  ] as const)('where the server refuses %s, is %s: %s', async (_, stage, reaction, state) => {
    smtp.react = (at) => (at === stage ? reaction : undefined);
    const [row] = await failEach([await mailTo('anybody@example.com')]);
    expect(row!.state).toBe(state);
    if (state === 'pending') expect(row!.dueInMinutes).toBeGreaterThan(29);
  });

  test.each(smtpStages)(
    'whose connection drops at %s is due again in 30 minutes, not at once',
    async (stage) => {
      smtp.react = (at) => (at === stage ? 'drop' : undefined);
      const [row] = await failEach([await mailTo('dropped@example.com')]);
      expect(row).toMatchObject({ state: 'pending', failures: 1, heldForMinutes: 0 });
      expect(row!.dueInMinutes).toBeGreaterThan(29);
    },
  );

  test('that has nobody to go to is a dead letter at once', async () => {
    const [row] = await failEach([await mailTo('')]);
    expect(row).toMatchObject({ state: 'dead', failure: expect.stringContaining('No recipients') });
  });
});

describe('a slow server', () => {
  test('is not handed the text where the mail cannot be kept from other workers', async () => {
    const id = await mailTo('unheld@example.com');
    const { payload } = await shop.deps.db
      .selectFrom('outbox')
      .select('payload')
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    const holdFor = () => Promise.reject(new Error('claimed by another'));
    await expect(deliverMail(shop.deps, payload as never, { id, holdFor })).rejects.toThrow(
      'claimed by another',
    );
    expect(mailsTo('unheld@example.com')).toEqual([]);
  });
});

describe('a server that hangs', () => {
  test('for some domains and addresses keeps no other mail and no other work waiting', async () => {
    smtp.react = (_, to) => (to.some((address) => address.startsWith('hang')) ? 'hang' : undefined);
    const many = (count: number, address: (n: number) => string) =>
      Promise.all(Array.from({ length: count }, (_, n) => mailTo(address(n))));
    await many(30, (n) => `hang${n}@slow.example`);
    await many(5, (n) => `hang${n}@good.example`);
    const good = await many(40, (n) => `good${n}@${n % 2 === 0 ? 'good' : 'other'}.example`);
    const { id: change } = await shop.deps.db
      .transaction()
      .execute((tx) => addToOutbox(tx, 'invalidate', { tags: { 'product:1': 1 } }));
    const jobs = startJobs(shop.deps);
    await expect.poll(() => stateOf(change), { timeout: 5_000, interval: 20 }).toBe('done');
    await expect
      .poll(
        async () => (await Promise.all(good.map((id) => stateOf(id)))).every((state) => state === 'done'),
        {
          timeout: 15_000,
          interval: 100,
        },
      )
      .toBe(true);
    const stopping = performance.now();
    await jobs.stop();
    expect(performance.now() - stopping).toBeLessThan(8_000);
  });
});

/** Opens a mail server, and a shop that sends through it, for one test. */
async function openOwn() {
  await using standing = new AsyncDisposableStack();
  const smtp = standing.use(await startSmtpServer());
  const shop = standing.use(await openShop({ env: { SMTP_URL: smtp.url, RATE_LIMITS: 'off' } }));
  const stack = standing.move();
  return { smtp, shop, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

// These tests wait for seconds. Each has its own shop, so that all can run at once.
describe.concurrent('however long it takes', () => {
  test('A slow server is waited for, and gets no second copy from any worker', async ({ expect }) => {
    await using own = await openOwn();
    const { smtp, shop } = own;
    smtp.react = (stage) => (stage === 'end' ? { afterMs: 12_000 } : undefined);
    const id = await mailTo('slow@example.com', shop);
    const workers = [startJobs(shop.deps), startJobs(shop.deps)];
    await expect.poll(() => mailsTo('slow@example.com', smtp).length, wait).toBe(1);
    expect((await rowOf(id, shop)).heldForMinutes).toBeGreaterThan(10);
    await expect.poll(() => stateOf(id, shop), wait).toBe('done');
    await Promise.all(workers.map((jobs) => jobs.stop()));
    expect(mailsTo('slow@example.com', smtp)).toHaveLength(1);
    expect(smtp.reached.end).toBeGreaterThan(0);
  });

  test.for(smtpStages)(
    'A server that hangs at %s does not keep a worker from stopping in time, nor another from taking its mail on',
    async (stage, { expect }) => {
      await using own = await openOwn();
      const { smtp, shop } = own;
      smtp.react = (at) => (at === stage ? 'hang' : undefined);
      const id = await mailTo('stop@example.com', shop);
      const jobs = startJobs(shop.deps);
      const before = smtp.reached[stage];
      await expect
        .poll(() => smtp.reached[stage] + mailsTo('stop@example.com', smtp).length, wait)
        .toBeGreaterThan(before);
      const stopping = performance.now();
      await jobs.stop();
      expect(performance.now() - stopping).toBeLessThan(8_000);
      const row = await rowOf(id, shop);
      expect(row).toMatchObject({ state: 'pending', failures: 0 });
      // A mail that the server may have accepted stays held for ten minutes. All others are free at once.
      if (stage === 'end') expect(row.heldForMinutes).toBeGreaterThan(9);
      else expect(row.heldForMinutes).toBe(0);
    },
  );

  test('A mail for which no server is there is due again in 30 minutes, then in an hour, and given up after three days', async ({
    expect,
  }) => {
    const away = await startSmtpServer();
    await away[Symbol.asyncDispose]();
    await using closed = await openShop({ env: { SMTP_URL: away.url } });
    const id = await mailTo('away@example.com', closed);
    const jobs = startJobs(closed.deps);
    const read = () =>
      closed.deps.db
        .selectFrom('outbox')
        .select([
          'state',
          'failures',
          'failure',
          sql<number>`(extract(epoch from due_at - now()) / 60)::float`.as('due'),
        ])
        .where('id', '=', id)
        .executeTakeFirstOrThrow();
    const failAgain = async (failures: number, firstFailed: string) => {
      await sql`
        update outbox set due_at = now(), first_failed_at = now() - ${firstFailed}::interval where id = ${id}`.execute(
        closed.deps.db,
      );
      await expect.poll(async () => (await read()).failures, wait).toBe(failures);
    };
    await expect.poll(async () => (await read()).failures, wait).toBe(1);
    expect((await read()).due).toBeGreaterThan(29);
    await failAgain(2, '30 minutes');
    expect((await read()).due).toBeGreaterThan(59);
    // The number of failures does not matter, only the time.
    await failAgain(3, '71 hours');
    expect((await read()).state).toBe('pending');
    await failAgain(4, '72 hours');
    expect(await read()).toMatchObject({ state: 'dead', failure: expect.stringContaining('ECONNREFUSED') });
    await jobs.stop();
  });

  test('Mails stay due while the server is unreachable, except for a few that probe it, and leave once it is back', async ({
    expect,
  }) => {
    const away = await startSmtpServer();
    await away[Symbol.asyncDispose]();
    await using closed = await openShop({ env: { SMTP_URL: away.url } });
    const count = 120;
    await Promise.all(Array.from({ length: count }, (_, n) => mailTo(`away${n}@example.com`, closed)));
    const jobs = startJobs(closed.deps);
    const countRows = async (which: 'failed' | 'done') => {
      const { rows } = await sql<{ failed: number; done: number }>`
        select count(*) filter (where failures > 0)::integer as failed,
          count(*) filter (where state = 'done')::integer as done
        from outbox where kind = 'mail'`.execute(closed.deps.db);
      return rows[0]![which];
    };
    await expect.poll(() => countRows('failed'), wait).toBeGreaterThanOrEqual(20);
    // The pause is not over yet. Attempts that were running when it began have ended.
    await expect.poll(() => jobs.queues.mail.getActiveCount(), wait).toBe(0);
    const found = await countRows('failed');
    expect(found).toBeLessThanOrEqual(60);
    await using _back = await startSmtpServer(Number(new URL(away.url).port));
    await expect.poll(() => countRows('done'), wait).toBeGreaterThanOrEqual(count - found - 20);
    await jobs.stop();
  });
});

describe('a mail that is a file', () => {
  test('which cannot be written leaves no draft behind, and is tried again', async () => {
    await using quiet = await openShop();
    const id = await mailTo('file@example.com', quiet);
    const folder = join(quiet.dataDir, 'mail');
    // A folder with the file's name makes the last step fail, as a full disk would.
    await mkdir(join(folder, `${id}.eml`, 'in the way'), { recursive: true });
    const jobs = startJobs(quiet.deps);
    const read = () =>
      quiet.deps.db.selectFrom('outbox').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
    await expect.poll(async () => (await read()).failures, wait).toBe(1);
    await jobs.stop();
    expect(await readdir(folder)).toEqual([`${id}.eml`]);
    expect((await read()).due_at.getTime()).toBeGreaterThan(Date.now() + 29 * 60_000);
  });

  test('whose writer was killed leaves a draft that the next worker removes, once nobody can be writing it', async () => {
    await using quiet = await openShop();
    const folder = join(quiet.dataDir, 'mail');
    await mkdir(folder);
    for (const name of ['1.eml.a.new', '2.eml.b.new', '3.eml']) await writeFile(join(folder, name), 'From');
    const hourAgo = new Date(Date.now() - 3_600_000);
    for (const name of ['1.eml.a.new', '3.eml']) await utimes(join(folder, name), hourAgo, hourAgo);
    await removeOldDrafts(quiet.deps.settings);
    expect((await readdir(folder)).sort()).toEqual(['2.eml.b.new', '3.eml']);
  });
});
