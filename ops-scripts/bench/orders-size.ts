// `orders-size`: every list, filter, search and report of the staff's pages with 1,000,000 orders of two years.
import pg from 'pg';
import type { BenchResult } from './measure.ts';
import type { BenchShop } from './shop.ts';

const size = 1_000_000;
const limitMs = 100;
const turnsOfLists = 15;
/** A report takes seconds, so it is measured only so often. */
const turnsOfReports = 3;

const lists: [name: string, path: string][] = [
  ['all orders', '/staff/orders'],
  ['a status', '/staff/orders?status=cancelled'],
  ['what is to be shipped, as a filter', '/staff/orders?fulfilment=open&status=paid'],
  ['a payment', '/staff/orders?payment=unknown'],
  ['a month long ago', '/staff/orders?from=2025-02-01&to=2025-02-28'],
  ['a number', '/staff/orders?q=MC-00007-0000A'],
  ['an e-mail', '/staff/orders?q=buyer77%40example.com'],
  ['a name', '/staff/orders?q=zoe+ohara'],
  ['a word that all have', '/staff/orders?q=example'],
  ['a SKU that many have', '/staff/orders?q=tee-3'],
  ['a SKU that few have', '/staff/orders?q=rare-1&fulfilment=delivered'],
  ['nothing that there is', '/staff/orders?q=there-is-no-such-thing'],
  ['one order', '/staff/orders/77'],
  ['to ship', '/staff/to-ship'],
  ['returns', '/staff/returns'],
  ['customers', '/staff/customers'],
  ['customers by e-mail', '/staff/customers?q=buyer7'],
  ['one customer', '/staff/customers/guest-77'],
  ['unclear payments', '/staff/payments'],
];

/** Reports read every row that they sum up, so no index makes them fast. */
const reports: typeof lists = [
  ['28 days by day', '/staff/reports/sales.csv?by=day'],
  ['28 days by product', '/staff/reports/sales.csv?by=product'],
  ['a year by country', '/staff/reports/sales.csv?by=country&from=2025-06-01&to=2026-05-31'],
  ['the VAT of a quarter', '/staff/reports/vat.csv?quarter=2026-Q3'],
  ['the page of reports', '/staff/reports'],
];

export async function benchOrdersSize({ url, staff, databaseUrl }: BenchShop): Promise<BenchResult[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await fillOrders((text) => client.query(text), size);
  } finally {
    await client.end();
  }
  const cookie = await signIn(url, staff);
  return [
    {
      ...(await measure({ url, cookie, turns: turnsOfLists }, lists)),
      bench: 'orders-size lists',
      against: 'ms, the limit',
      aim: 1,
    },
    {
      ...(await measure({ url, cookie, turns: turnsOfReports }, reports)),
      bench: 'orders-size reports',
      against: 'ms, the limit of lists',
    },
  ];
}

async function signIn(url: string, staff: BenchShop['staff']): Promise<string> {
  const answer = await fetch(`${url}/api/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(staff),
  });
  if (!answer.ok) throw new Error(`Cannot measure as staff could not sign in: ${answer.status}`);
  return answer.headers
    .getSetCookie()
    .map((line) => line.slice(0, line.indexOf(';')))
    .join('; ');
}

async function measure(
  { url, cookie, turns }: { url: string; cookie: string; turns: number },
  pages: typeof lists,
): Promise<Omit<BenchResult, 'bench' | 'against'>> {
  const medians: { name: string; ms: number }[] = [];
  for (const [name, path] of pages) {
    const times: number[] = [];
    for (let turn = 0; turn < turns; turn += 1) {
      const startedAtMs = performance.now();
      const answer = await fetch(url + path, { headers: { cookie } });
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`Cannot measure ${path} as it answers ${answer.status}`);
      times.push(performance.now() - startedAtMs);
    }
    medians.push({ name, ms: Math.round(times.sort((a, b) => a - b)[Math.floor(turns / 2)]!) });
  }
  const slowest = Math.max(...medians.map(({ ms }) => ms));
  return {
    measured: `ms, the median of the slowest of ${pages.length}, ${size.toLocaleString('en')} orders`,
    ours: slowest,
    theirs: limitMs,
    ratio: slowest / limitMs,
    lessIsBetter: true,
    notes: [medians.map(({ name, ms }) => `${name}: ${ms} ms`).join(', ')],
  };
}

/** Tables that grow with orders. */
export const tablesOfOrders = [
  'orders',
  'order_lines',
  'payments',
  'order_events',
  'shipments',
  'shipment_lines',
  'returns',
  'return_lines',
  'refunds',
  'invoices',
  'accounts',
];

/**
 * Fills the database with orders of 700 days: most are delivered, some are not paid, a few are unclear, the newest are
 * to be shipped.
 * @param query runs one statement; the database has no orders yet
 */
export async function fillOrders(query: (text: string) => Promise<unknown>, count: number): Promise<void> {
  // Shop events are off, because nobody reads them here and writing them takes as long again.
  const tellers = {
    orders: 'orders_tell_order_placed',
    shipments: 'shipments_tell_shipment',
    refunds: 'refunds_tell_refund',
    returns: 'returns_tell_return',
  };
  for (const [table, trigger] of Object.entries(tellers))
    await query(`alter table ${table} disable trigger ${trigger}`);
  for (const statement of statementsFor(count)) await query(statement);
  for (const [table, trigger] of Object.entries(tellers))
    await query(`alter table ${table} enable trigger ${trigger}`);
  for (const table of tablesOfOrders) await query(`vacuum analyze ${table}`);
}

function statementsFor(count: number): string[] {
  const series = `generate_series(1, ${count}) n`;
  return [
    `insert into orders (number, email, shipping_address, status, total_amount, placed_at, fulfilment)
     select 'MC-' || lpad(upper(to_hex(n / 1000)), 5, '0') || '-' || lpad(upper(to_hex(n % 1000)), 5, '0'),
       'buyer' || n % (${count} / 4) || '@example.com',
       jsonb_build_object('name', case when n % 5000 = 0 then 'Zoë O''Hara' else 'Name' || n % 9000 || ' Sur' || n % 7000 end,
         'line1', '1 Long Lane', 'city', 'Dublin', 'postalCode', 'D01', 'country', 'IE'),
       case when n % 20 = 0 then 'cancelled' when n % 50 = 1 then 'placed' else 'paid' end, 1999,
       timestamptz '2025-01-01' + n * interval '700 days' / ${count},
       case when n % 20 = 0 or n > ${count} - 400 then 'open' else 'delivered' end
     from ${series}`,
    `insert into order_lines (order_id, position, variant_id, product_slug, sku, name, size, color, quantity, unit_price_amount)
     select n, 0, n % 500, 'tee', case when n % 4000 = 7 then 'RARE-1' else 'TEE-' || n % 20 end, 'Tee', 'M', 'Navy', 1, 1999
     from ${series}`,
    `insert into payments (order_id, provider, status)
     select n, 'demo', case when n % 20 = 0 then 'failed' when n % 2000 = 3 then 'unknown' when n % 50 = 1 then 'pending' else 'paid' end
     from ${series}`,
    `insert into order_events (order_id, who, what)
     select n, 'shopper', what from ${series}, unnest('{placed,paid,shipped,delivered}'::text[]) what`,
    `insert into shipments (order_id, carrier) select id, 'DHL' from orders where fulfilment = 'delivered'`,
    `insert into shipment_lines (shipment_id, variant_id, quantity) select id, 1, 1 from shipments`,
    `insert into returns (number, order_id, status)
     select 'R' || n, n, case when n % 100 = 0 then 'requested' else 'refunded' end from generate_series(10, ${count}, 10) n`,
    // Refunds belong to unpaid orders, because those of paid orders would need credit notes.
    `insert into refunds (order_id, amount, reason, provider_key, status)
     select n, 1, '', n::text, 'done' from generate_series(20, ${count}, 20) n`,
    `insert into return_lines (return_id, variant_id, quantity) select id, 1, 1 from returns`,
    `insert into invoices (number, order_id, issued_at, taxed_at, content)
     select row_number() over (order by o.id), o.id, o.placed_at, o.placed_at,
       '{"deliveryCountry":"IE","tax":[{"rate":23,"net":1625,"tax":374}]}'
     from orders o join payments p on p.order_id = o.id where p.status = 'paid'`,
    `update invoice_counter set last_number = (select count(*) from invoices)`,
    `insert into accounts (email, name, password_hash)
     select 'account' || n || '@example.com', 'Name', 'none' from generate_series(1, ${count} / 10) n`,
  ];
}
