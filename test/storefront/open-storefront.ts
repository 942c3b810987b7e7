// Serves the shop on a socket with the demo catalog's look, and opens Chromium.
import { loadDemoCatalog } from '../../origin/demo-catalog/load-demo-catalog.ts';
import { createDatabase, createPool } from '../../origin/postgres/database.ts';
import { serve } from '../../origin/web/serving/serve.ts';
import { openShop, staffAccount } from '../support/shop.ts';

export { hasChromium, launchChromium } from '../../ops-scripts/drills/chromium.ts';

export interface Storefront extends AsyncDisposable {
  url: string;
  /** Slug of a product that can be bought. */
  slug: string;
  staff: { email: string; password: string };
}

export async function openStorefront(): Promise<Storefront> {
  await using standing = new AsyncDisposableStack();
  const shop = standing.use(await openShop({ env: { RATE_LIMITS: 'off' } }));
  // Not by the shop's own pool, whose queries have the deadlines of requests.
  const pool = createPool({
    url: shop.deps.settings.databaseUrl,
    name: 'demo',
    max: 1,
    queryTimeoutMs: 60_000,
  });
  const db = createDatabase(pool);
  await loadDemoCatalog(db);
  await db.destroy();
  await shop.staff();
  const server = await serve({ fetch: shop.app.fetch as never, host: '127.0.0.1', port: 0 });
  standing.defer(() => server.stop(500));
  const stack = standing.move();
  return {
    // Browsers keep `Secure` cookies of http://localhost, but not of its IP address.
    url: `http://localhost:${server.port}`,
    slug: 'women-moss-boxy-t-shirt',
    staff: staffAccount,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
