// For each law of `shop-life`, bugs that break it: in the store, in a log, in a mailbox, or in the shop's answers.
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { act } from '../../../ops-scripts/drills/shop-life/day.ts';
import { signUp } from '../../../ops-scripts/drills/shop-life/deeds/account.ts';
import { browse, openOldMail, searchFor } from '../../../ops-scripts/drills/shop-life/deeds/browse.ts';
import { holdSale } from '../../../ops-scripts/drills/shop-life/deeds/sales.ts';
import type { ShopLife } from '../../../ops-scripts/drills/shop-life/life.ts';
import { exportCatalog } from '../../../ops-scripts/drills/shop-life/product-files/product-file.ts';
import { askPostgres } from '../../../ops-scripts/drills/shop-life/shop/living-shop.ts';

/** @returns a function that removes the bug */
export type Plant = (life: ShopLife) => Promise<() => Promise<unknown>>;

export interface PlantedBug {
  law: string;
  bug: string;
  plant: Plant;
}

/** SQL: an ended price with another one after it. */
const firstOfTwo = `(select h.variant_id, min(h.until) from variant_prices h join variants v on v.id = h.variant_id
  where v.archived_at is null group by h.variant_id having count(*) > 1 order by h.variant_id limit 1)`;

/** SQL: the variant of the last shop event about stock. */
const lastTold = `(select split_part(subject, ':', 2)::bigint from shop_events where type = 'stock.changed'
  order by position desc limit 1)`;

/** @returns the index of a confirmation mail of an order that is not cancelled, which therefore needs it */
async function findConfirmation({ shop, record, mailServer }: ShopLife): Promise<number> {
  const rows = await askPostgres<{ id: string }>(shop, "select id from orders where status <> 'cancelled'");
  const standing = new Set(rows.map(({ id }) => id));
  const at = mailServer.copies.findIndex(
    ({ to, message }) =>
      mailServer.fateOf(to) === 'accepts' &&
      record.orders.some(
        ({ id, number }) =>
          standing.has(id) && new RegExp(`^Subject: Your order ${number}\\r?$`, 'm').test(message),
      ),
  );
  if (at < 0) throw new Error('No mail of the life confirms an order that stands');
  return at;
}

export const plantedBugs: PlantedBug[] = [
  {
    law: 'money-adds-up',
    bug: 'an order costs a cent more than was shown',
    plant: bySql(
      'update orders set total_amount = total_amount + 1 where id = (select min(id) from orders)',
      'update orders set total_amount = total_amount - 1 where id = (select min(id) from orders)',
    ),
  },
  {
    law: 'money-adds-up',
    bug: 'a paid order is kept as open',
    plant: bySql(
      `update orders set status = 'placed' where id = (select min(order_id) from payments where status = 'paid')`,
      `update orders set status = 'paid' where id = (select min(order_id) from payments where status = 'paid')`,
    ),
  },
  {
    law: 'money-adds-up',
    bug: 'an order does not know that Stripe took its money',
    plant: bySql(
      `with paid as (update payments set status = 'pending' where order_id =
         (select min(order_id) from payments where provider = 'stripe' and status = 'paid') returning order_id)
       update orders set status = 'placed' where id in (select order_id from paid)`,
      `with paid as (update payments set status = 'paid' where order_id =
         (select min(order_id) from payments where provider = 'stripe' and status = 'pending'
          and request is null and redirect_url is null) returning order_id)
       update orders set status = 'paid' where id in (select order_id from paid)`,
    ),
  },
  {
    law: 'money-adds-up',
    bug: 'more is paid back than was paid',
    plant: bySql(
      `insert into refunds (order_id, amount, reason, provider_key, status)
       select min(order_id), 999999, 'planted', 'planted', 'done' from payments where status = 'paid'`,
      `delete from refunds where reason = 'planted'`,
    ),
  },
  {
    law: 'stock-adds-up',
    bug: 'a piece comes from nowhere',
    plant: bySql(
      'update variants set available = available + 1 where id = (select min(id) from variants)',
      'update variants set available = available - 1 where id = (select min(id) from variants)',
    ),
  },
  {
    law: 'promotions-hold',
    bug: 'a code counts a use that no order has',
    plant: bySql(
      'update promotions set used = used + 1 where id = (select min(id) from promotions)',
      'update promotions set used = used - 1 where id = (select min(id) from promotions)',
    ),
  },
  {
    law: 'vat-adds-up',
    bug: 'a parcel bears the VAT of another country',
    plant: bySql(
      `update orders set tax = replace(tax::text, '"rate": ', '"rate": 1')::jsonb where id = (select min(id) from orders)`,
      `update orders set tax = replace(tax::text, '"rate": 1', '"rate": ')::jsonb where id = (select min(id) from orders)`,
    ),
  },
  {
    law: 'invoices-without-gaps',
    bug: 'the last invoice skips a number',
    plant: bySql(
      'update invoices set number = number + 1 where number = (select max(number) from invoices)',
      'update invoices set number = number - 1 where number = (select max(number) from invoices)',
    ),
  },
  {
    law: 'documents-add-up',
    bug: 'the last credit note skips a number',
    plant: bySql(
      'update credit_notes set number = number + 1 where number = (select max(number) from credit_notes)',
      'update credit_notes set number = number - 1 where number = (select max(number) from credit_notes)',
    ),
  },
  {
    law: 'documents-add-up',
    bug: 'an invoice is a cent more than its lines',
    plant: bySql(
      `update invoices set content = jsonb_set(content, '{total}', to_jsonb((content ->> 'total')::integer + 1)) where number = 1`,
      `update invoices set content = jsonb_set(content, '{total}', to_jsonb((content ->> 'total')::integer - 1)) where number = 1`,
    ),
  },
  {
    law: 'vat-report-adds-up',
    bug: 'the VAT report leaves out a row',
    plant: byAnswers(
      (url) => url.pathname === '/staff/reports/vat.csv',
      (text) => text.replace(/\n[^\n]+\n?$/, '\n'),
    ),
  },
  { law: 'prices-turn-at-once', bug: 'the feed keeps the price of before a sale', plant: plantOldFeed },
  {
    law: 'was-is-lawful',
    bug: 'a product shows a "was" that it never cost',
    plant: bySql(
      'update products set was_amount = 999999 where id = (select max(id) from products where was_amount is null)',
      'update products set was_amount = null where was_amount = 999999',
    ),
  },
  {
    law: 'price-history-is-whole',
    bug: 'a price of before is cut short',
    plant: bySql(
      `update variant_prices set until = until - interval '3 ms' where (variant_id, until) = ${firstOfTwo}`,
      `update variant_prices set until = until + interval '3 ms' where (variant_id, until) = ${firstOfTwo}`,
    ),
  },
  {
    law: 'events-in-commit-order',
    bug: 'other systems are not told of an event',
    plant: byAnswers(
      (url) => url.pathname === '/api/staff/events',
      (text) => {
        const page = JSON.parse(text) as { items: unknown[] };
        return JSON.stringify({ ...page, items: page.items.toSpliced(1, 1) });
      },
    ),
  },
  {
    law: 'events-in-commit-order',
    bug: 'a stock changes and nobody is told',
    plant: bySql(
      `begin; set local myclothes.events = 'off'; update variants set available = available + 1 where id = ${lastTold}; commit`,
      `begin; set local myclothes.events = 'off'; update variants set available = available - 1 where id = ${lastTold}; commit`,
    ),
  },
  {
    law: 'old-rows-go',
    bug: 'an old answer is kept',
    plant: bySql(
      `update idempotency_keys set created_at = created_at - interval '99 days' where ctid = (select max(ctid) from idempotency_keys)`,
      'select 1',
    ),
  },
  { law: 'absent-columns-stay', bug: 'a file without vendors clears a vendor', plant: plantClearedVendor },
  {
    law: 'changes-stay',
    bug: 'a title changes by itself',
    plant: bySql(
      `update products set name = name || '!' where id = (select min(id) from products)`,
      `update products set name = rtrim(name, '!') where id = (select min(id) from products)`,
    ),
  },
  { law: 'files-come-back', bug: 'a vendor grows while files come and go', plant: plantGrowingVendor },
  ...['found-by-exact-title', 'found-by-typed-title', 'found-by-sku'].map((law) => ({
    law,
    bug: 'a search leaves out what it found first',
    plant: byAnswers(isSearch, (text) => {
      const list = JSON.parse(text) as { items: unknown[] };
      return JSON.stringify({ ...list, items: list.items.slice(1) });
    }),
  })),
  {
    law: 'suggestions-find',
    bug: '“did you mean” proposes what nobody sells',
    plant: async (life) => {
      const undo = await byAnswers(
        (url) => url.pathname === '/search',
        (text) =>
          text.replace(/(<main[^>]*>)/, '$1<p>Did you mean <a href="/search?q=qqqzzzqqq">qqqzzzqqq</a>?</p>'),
      )(life);
      await searchFor(life, 'a slip');
      return async () => {
        await undo();
        life.record.suggestions.length = 0;
      };
    },
  },
  {
    law: 'lists-agree',
    bug: 'the sitemap lacks a product',
    plant: byAnswers(
      (url) => /^\/sitemaps\/\d+\.xml$/.test(url.pathname),
      (text) => text.replace(/<url>.*?<\/url>/, ''),
    ),
  },
  {
    law: 'lists-agree',
    bug: 'a category counts one product more than it lists',
    plant: byAnswers(
      (url) => url.pathname === '/api/categories',
      (text) => text.replace(/"productCount":(\d+)/, (_, count) => `"productCount":${Number(count) + 1}`),
    ),
  },
  {
    law: 'nothing-hidden-is-seen',
    bug: 'an archived product is still shown from a cache',
    plant: async (life) => {
      const browser = life.browser();
      const { items } = (await browser.ask<{ items: { slug: string; id: string }[] }>('GET', '/api/products'))
        .body;
      const { id, slug } = items[0]!;
      await browser.open(`/p/${encodeURIComponent(slug)}`);
      await askPostgres(life.shop, "update products set status = 'archived' where id = $1", [id]);
      return () => askPostgres(life.shop, "update products set status = 'active' where id = $1", [id]);
    },
  },
  {
    law: 'mail-links-open',
    bug: 'the link of a mail leads nowhere',
    plant: async (life) => {
      const undo = await byAnswers(
        (url) => url.pathname.startsWith('/orders/'),
        () => '<main>There is nothing here</main>',
        404,
      )(life);
      await openOldMail(life, life.random);
      return async () => {
        await undo();
        life.record.openedLinks.length = 0;
      };
    },
  },
  {
    law: 'one-confirmation-per-order',
    bug: 'a confirmation is sent again as another mail',
    plant: async (life) => {
      const { copies } = life.mailServer;
      copies.push({ ...copies[await findConfirmation(life)]!, messageId: '<again@life.test>' });
      return async () => copies.pop();
    },
  },
  {
    law: 'one-confirmation-per-order',
    bug: 'a confirmation is lost',
    plant: async (life) => {
      const { copies } = life.mailServer;
      const at = await findConfirmation(life);
      const [lost] = copies.splice(at, 1);
      return async () => copies.splice(at, 0, lost!);
    },
  },
  {
    law: 'nothing-fails-for-ever',
    bug: 'a job fails again and again',
    plant: plantWork('pending'),
  },
  { law: 'no-dead-letters', bug: 'a job was given up', plant: plantWork('dead') },
  {
    law: 'deeds-end-as-promised',
    bug: 'nobody can sign up',
    plant: byDeed('/sign-up', 404, (life) => act(life, { name: 'sign up', run: signUpByForm }, life.random)),
  },
  {
    law: 'no-server-errors',
    bug: 'the home page fails',
    plant: byDeed('/', 500, (life) => act(life, { name: 'browse', run: browse }, life.random)),
  },
  {
    law: 'no-error-lines',
    bug: 'a worker writes an error',
    plant: async ({ shop }) => {
      await appendFile(join(shop.logFolder, 'worker.log'), '{"level":50,"msg":"planted"}\n');
      return async () => undefined;
    },
  },
  {
    law: 'no-error-lines',
    bug: 'an origin dies with a stack trace',
    plant: async ({ shop }) => {
      await appendFile(join(shop.logFolder, 'origin.log'), 'TypeError: planted\n    at nowhere\n');
      return async () => undefined;
    },
  },
];

/** Signs up with the form, whatever the random choice. */
const signUpByForm = (life: ShopLife) => signUp(life, { ...life.random, next: () => 0 });

async function plantOldFeed(life: ShopLife): Promise<() => Promise<unknown>> {
  const firsts = new Map<string, Promise<string>>();
  life.fetch = async (input, init) => {
    const url = String(input);
    if (!url.includes('/feeds/')) return fetch(input, init);
    const first = firsts.get(url) ?? fetch(input, init).then((answer) => answer.text());
    firsts.set(url, first);
    return new Response(await first);
  };
  // Chooses no price change before the sale, and no sale that stays over night.
  const random = { ...life.random, next: () => 0.9 };
  const pace = { untilStartMs: 1_500, lastsMs: 1_500 };
  await holdSale(life, random, { course: 'holds a sale by the clock', pace });
  life.fetch = fetch;
  return async () => {
    life.record.watchedSales.length = 0;
  };
}

function bySql(plant: string, undo: string): Plant {
  return async ({ shop }) => {
    await askPostgres(shop, plant);
    return () => askPostgres(shop, undo);
  };
}

/** A shop whose answers are changed on their way. */
function byAnswers(isMeant: (url: URL) => boolean, change: (text: string) => string, status?: number): Plant {
  return async (life) => {
    life.fetch = async (input, init) => {
      const answer = await fetch(input, init);
      if (!isMeant(new URL(String(input)))) return answer;
      const headers = new Headers(answer.headers);
      const text = change(await answer.text());
      // These headers describe the original text.
      headers.delete('content-encoding');
      headers.delete('content-length');
      return new Response(text, { status: status ?? answer.status, headers });
    };
    return async () => {
      life.fetch = fetch;
    };
  };
}

function byDeed(path: string, status: number, deed: (life: ShopLife) => Promise<unknown>): Plant {
  return async (life) => {
    const undo = await byAnswers(
      (url) => url.pathname === path,
      () => 'planted',
      status,
    )(life);
    await deed(life);
    await undo();
    return async () => {
      life.record.brokenPromises.length = 0;
      life.record.answers.faults.length = 0;
    };
  };
}

function isSearch(url: URL): boolean {
  return url.pathname === '/api/products' && url.searchParams.has('q');
}

/** The row is not due for an hour, so that no worker takes it. */
function plantWork(state: 'pending' | 'dead'): Plant {
  return async ({ shop }) => {
    await askPostgres(
      shop,
      `insert into outbox (kind, payload, state, attempt, failures, failure, due_at)
       values ('expire-hold', '{"orderId":"0"}', $1, 9, 9, 'planted', now() + interval '1 hour')`,
      [state],
    );
    return () => askPostgres(shop, "delete from outbox where failure = 'planted'");
  };
}

async function plantClearedVendor(life: ShopLife): Promise<() => Promise<unknown>> {
  const before = await exportCatalog(life);
  const [cleared] = await askPostgres<{ slug: string; brand: string }>(
    life.shop,
    "select slug, brand from products where brand <> '' order by id limit 1",
  );
  const { slug, brand } = cleared!;
  await askPostgres(life.shop, "update products set brand = '' where slug = $1", [slug]);
  const after = await exportCatalog(life);
  life.record.partialImports.push({ columns: ['Handle', 'Title'], handles: [slug], before, after });
  return async () => {
    life.record.partialImports.length = 0;
    await askPostgres(life.shop, 'update products set brand = $2 where slug = $1', [slug, brand]);
  };
}

async function plantGrowingVendor({ shop }: ShopLife): Promise<() => Promise<unknown>> {
  const [first] = await askPostgres<{ id: string; brand: string }>(
    shop,
    'select id, brand from products order by id limit 1',
  );
  const { id, brand } = first!;
  const stopping = new AbortController();
  const growing = (async () => {
    while (!stopping.signal.aborted) {
      await askPostgres(shop, "update products set brand = left(brand || '.', 200) where id = $1", [id]);
      await delay(20);
    }
  })();
  return async () => {
    stopping.abort();
    await growing;
    await askPostgres(shop, 'update products set brand = $2 where id = $1', [id, brand]);
  };
}
