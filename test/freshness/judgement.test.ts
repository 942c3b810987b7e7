// The drill's `readValues` and its judgement, on a small shop that lies when told to. Stale values are found in every
// kind of answer, and fresh ones are not reported.
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test, vi } from 'vitest';
import { keepJudgements, type ReadJudgements } from '../../ops-scripts/drills/freshness/judge-reads.ts';
import { createValueReader } from '../../ops-scripts/drills/freshness/read-values.ts';
import { readAtDoor } from '../../ops-scripts/drills/freshness/readers.ts';
import { openOracle, type Subject, type Target } from '../../ops-scripts/drills/freshness/subjects.ts';
import { seededRandom } from '../../ops-scripts/traffic/seeded-random.ts';

const subject: Subject = {
  id: '7',
  slug: 'green-shirt',
  variantId: '70',
  firstPrice: 1_000_000,
  firstStock: 1_000,
  otherStock: 30,
};

interface Shown {
  price: number;
  stock: number;
}

const kinds: Record<string, { target: Target; body: (shown: Shown) => string }> = {
  "a product's JSON": {
    target: { path: '/api/products/green-shirt', shows: 'product-json', subject: 0 },
    body: ({ price, stock }) =>
      `{"price":{"amount":${price},"currency":"EUR"},"variants":[{"id":"70","price":{"amount":${price}},"available":${stock}}]}`,
  },
  "a product's page": {
    target: { path: '/p/green-shirt', shows: 'product-page', subject: 0 },
    body: ({ price }) => `<p class="price">${euros(price)} <span>VAT included</span></p>`,
  },
  "a list's JSON": {
    target: { path: '/api/products', shows: 'list-json' },
    body: ({ price, stock }) =>
      `{"items":[{"slug":"other","price":{"amount":5},"available":1},{"slug":"green-shirt","price":{"amount":${price}},"available":${stock + 30}}]}`,
  },
  "a list's page": {
    target: { path: '/', shows: 'list-page' },
    body: ({ price }) =>
      `<a href="/p/other">Other</a> €0.05 <a href="/p/green-shirt">Shirt</a> ${euros(price)} <a href="/p/last">Last</a> €0.05`,
  },
};

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

test.each(Object.keys(kinds))(
  '%s with the present value is not called stale, one with the former value is',
  async (kind) => {
    const { target, body } = kinds[kind]!;
    const shown = { price: 1_000_001, stock: 1_001 };
    const url = await serve((request, response) => answer(request, response, body(shown)));
    expect((await readFor(url, target)).stale).toEqual([]);
    shown.price = 1_000_000;
    const [first] = (await readFor(url, target)).stale;
    expect(first?.tier).toBe('origin cache');
    expect(first?.story).toMatch(
      /^origin-a1 GET \S+: began .* showed price of green-shirt 1000000; at least 1000001 was done at /,
    );
  },
);

test('a 304 counts as showing the kept answer again', async () => {
  const { target, body } = kinds["a product's JSON"]!;
  const { stale } = await readFor(
    await serve((request, response) => {
      // The server always says that the first answer is still right.
      if (request.headers['if-none-match']) response.writeHead(304, { etag: '"old"' }).end();
      else answer(request, response, body({ price: 1_000_001, stock: 999 }));
    }),
    target,
  );
  expect(stale.some(({ story }) => story.includes('answered 304'))).toBe(true);
});

test('an answer that shows nothing where it should does not pass for a fresh one', async () => {
  const { target } = kinds["a product's page"]!;
  const url = await serve((request, response) => answer(request, response, '<p>Back soon</p>'));
  expect((await readFor(url, target)).blind).not.toEqual([]);
});

test('an absence is stale once the product was brought back, and not while it may have been taken off again', () => {
  const oracle = openOracle([subject]);
  const see = createValueReader([subject], oracle);
  const absence = () => see({ path: '/p/archivable', shows: 'archivable' }, 404, Buffer.from(''))[0]!.value;
  oracle.finish(oracle.archivable, oracle.begin(oracle.archivable), 0);
  const broughtBack = oracle.floors()[oracle.archivable]!;
  expect(absence()).toBeLessThan(broughtBack);
  oracle.begin(oracle.archivable);
  expect(absence()).toBeGreaterThan(broughtBack);
});

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

/** Answers in chunks, as an origin may, and compressed where the client accepts it. */
const answer = (...[request, response, body]: [...Parameters<RequestListener>, string]) => {
  const zipped = request.headers['accept-encoding'] === 'gzip';
  response.writeHead(200, {
    etag: '"old"',
    'cache-status': 'origin; hit',
    ...(zipped ? { 'content-encoding': 'gzip' } : {}),
  });
  response.write(zipped ? gzipSync(body).subarray(0, 9) : body.slice(0, 9));
  response.end(zipped ? gzipSync(body).subarray(9) : body.slice(9));
};

/** Reads until there are a hundred answers. Both values of the subject are done at their first change. */
async function readFor(url: string, target: Target): Promise<ReadJudgements> {
  const oracle = openOracle([subject]);
  for (const slot of [0, 1]) oracle.finish(slot, oracle.begin(slot), 0);
  const judgements = keepJudgements(
    oracle,
    () => 0,
    () => 'nothing',
  );
  const stopping = new AbortController();
  const reading = readAtDoor({
    door: { name: 'origin-a1', url },
    targets: [target],
    random: seededRandom(1),
    eager: 2,
    now: () => 0,
    floors: oracle.floors,
    see: createValueReader([subject], oracle),
    onRead: judgements.judge,
    onUnanswered: judgements.unanswered,
    signal: stopping.signal,
  });
  await vi.waitFor(() => expect(judgements.reads).toBeGreaterThan(100), { timeout: 20_000 });
  stopping.abort();
  await reading;
  return judgements;
}

function euros(amount: number): string {
  return new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR' }).format(amount / 100);
}
