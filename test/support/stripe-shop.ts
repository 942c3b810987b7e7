// A shop that is paid through the fake Stripe, with a clock that tests set, and functions to read and change payments.

import {
  type FakeSession,
  type StripeServer,
  startStripeServer,
} from '../../ops-scripts/drills/stripe-server.ts';
import { settlePayment } from '../../origin/order/pay-order.ts';
import { createPaymentProviders } from '../../origin/order/payment/providers.ts';
import { type Browser, openShop, type Shop } from './shop.ts';

const minuteMs = 60_000;
export const byCard = { payment: { provider: 'stripe' } };

export interface StripeShop extends AsyncDisposable {
  shop: Shop;
  stripe: StripeServer;
  /** Places an order of the first variant. */
  order(pieces?: number, buyer?: Browser): Promise<PlacedOrder>;
  /** Runs the worker's job some minutes from now, with other settings if they are given. */
  settle(id: string, minutes?: number, settings?: Partial<Shop['deps']['settings']>): Promise<void>;
  payment(id: string): ReturnType<typeof readPayment>;
  /** The order as the API shows it. */
  shown(placed: PlacedOrder): Promise<{ status: string; payment: { status: string; redirectUrl?: string } }>;
  sessionsOf(id: string): FakeSession[];
  /** The stock of the first variant. */
  available(): Promise<number>;
  setVariant(change: { available?: number; price_amount?: number }): Promise<unknown>;
  /** Sends a webhook about the session. With `change`, only the webhook has the changes. @returns its status */
  tell(type: string, session: FakeSession, change?: Partial<FakeSession>): Promise<number>;
  /** When the worker will ask about the payment, in milliseconds from now. */
  questionsOf(id: string): Promise<number[]>;
  mailsOf(id: string): Promise<number>;
}

export interface PlacedOrder {
  buyer: Browser;
  id: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by tests, which is the check
  body: any;
  session: FakeSession;
}

export async function openStripeShop(
  env: Record<string, string> = {},
  other?: StripeServer,
): Promise<StripeShop> {
  await using standing = new AsyncDisposableStack();
  const stripe = other ?? standing.use(await startStripeServer());
  const shop = standing.use(
    await openShop({
      env: {
        PAYMENT_PROVIDERS: 'stripe',
        ...stripe.settings,
        ...env,
      },
    }),
  );
  const { db } = shop.deps;
  const variantId = shop.variants[0]!.id;
  const setVariant: StripeShop['setVariant'] = (change) =>
    db.updateTable('variants').set(change).where('id', '=', variantId).execute();
  await setVariant({ available: 1_000 });
  const sessionsOf = (id: string) => stripe.sessions.filter((one) => one.client_reference_id === id);
  const stack = standing.move();
  return {
    shop,
    stripe,
    setVariant,
    sessionsOf,
    async order(pieces = 1, buyer = shop.browser()) {
      const body = await buyer.buy(variantId, pieces, byCard);
      return { buyer, id: body.id, body, session: sessionsOf(body.id)[0]! };
    },
    async settle(id, minutes = 0, settings = {}) {
      const aheadMs = minutes * minuteMs;
      const now = () => Date.now() + aheadMs;
      const deps = { ...shop.deps, now, settings: { ...shop.deps.settings, ...settings } };
      stripe.aheadMs = aheadMs;
      await settlePayment(deps, id, createPaymentProviders(deps.settings, now));
      stripe.aheadMs = 0;
    },
    payment: (id) => readPayment(shop, id),
    shown: async ({ buyer, id }) => (await buyer.get(`/api/orders/${id}`)).body,
    async available() {
      const row = db.selectFrom('variants').select('available').where('id', '=', variantId);
      return (await row.executeTakeFirstOrThrow()).available;
    },
    async tell(type, session, change = {}) {
      const { body, headers } = await stripe.event(type, { ...session, ...change });
      const answer = await shop.browser().request('/api/webhooks/stripe', { method: 'POST', body, headers });
      return answer.status;
    },
    async questionsOf(id) {
      const rows = await db
        .selectFrom('outbox')
        .select(['payload', 'due_at'])
        .where('kind', '=', 'settle-payment')
        .where('state', '=', 'pending')
        .orderBy('id')
        .execute();
      return rows
        .filter(({ payload }) => (payload as { orderId: string }).orderId === id)
        .map(({ due_at }) => due_at.getTime() - Date.now());
    },
    async mailsOf(id) {
      const rows = await db.selectFrom('outbox').select('payload').where('kind', '=', 'mail').execute();
      return rows.filter((row) => (row.payload as { data: { orderId: string } }).data.orderId === id).length;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function readPayment({ deps }: Shop, id: string) {
  return deps.db
    .selectFrom('payments')
    .innerJoin('orders', 'orders.id', 'payments.order_id')
    .selectAll('payments')
    .select('orders.status as order_status')
    .where('order_id', '=', id)
    .executeTakeFirstOrThrow();
}
