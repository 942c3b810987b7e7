// A shopper who has paid on Stripe's page may come back before the webhook arrives.
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { startStripeServer } from '../../ops-scripts/drills/stripe-server.ts';
import { openShop } from '../support/shop.ts';

test('Whoever comes back from Stripe finds the order paid, and is not asked to pay again', async () => {
  await using stripe = await startStripeServer();
  const env = { PAYMENT_PROVIDERS: 'stripe', ...stripe.settings };
  await using shop = await openShop({ worker: true, env });
  for (let time = 0; time < 2; time += 1) {
    const buyer = shop.browser();
    const { id } = await buyer.buy(shop.variants[0]!.id, 1, { payment: { provider: 'stripe' } });
    const session = stripe.sessions.find((one) => one.client_reference_id === id)!;
    const back = new URL(session.success_url);
    const show = async () => (await buyer.request(back.pathname + back.search)).text();
    // Makes the payment look as if the shopper had been on the page for a minute.
    await sql`update payments set updated_at = now() - interval '1 minute' where order_id = ${id}`.execute(
      shop.deps.db,
    );
    const open = await show();
    expect(open).toContain('Go on to pay');
    expect(open).toContain('Look again');
    Object.assign(session, { status: 'complete', payment_status: 'paid' });
    await sql`update payments set updated_at = now() - interval '1 minute' where order_id = ${id}`.execute(
      shop.deps.db,
    );
    const paid = await show();
    expect(paid).toContain('It is paid.');
    expect(paid).not.toContain('Go on to pay');
  }
});

test('A page that is reloaded again and again asks Stripe at most every two seconds', async () => {
  await using stripe = await startStripeServer();
  const env = { PAYMENT_PROVIDERS: 'stripe', ...stripe.settings };
  await using shop = await openShop({ worker: true, env });
  const buyer = shop.browser();
  const { id } = await buyer.buy(shop.variants[0]!.id, 1, { payment: { provider: 'stripe' } });
  const before = stripe.requests.length;
  await Promise.all(Array.from({ length: 5 }, () => buyer.request(`/orders/${id}?paid=yes`)));
  expect(stripe.requests.length - before).toBeLessThanOrEqual(2);
});
