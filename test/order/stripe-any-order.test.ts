// A payment ends whatever happens to it, in whatever order: the order is paid exactly if its money stays.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FakeSession } from '../../ops-scripts/drills/stripe-server.ts';
import { readLineage } from '../../origin/postgres/lineage.ts';
import { openStripeShop, type StripeShop } from '../support/stripe-shop.ts';

let at: StripeShop;
beforeAll(async () => {
  at = await openStripeShop();
});
afterAll(() => at?.[Symbol.asyncDispose]());

const undisturbed = { failsWith: undefined, losesAnswers: false, isAway: false } as const;
const disturbances = {
  none: undisturbed,
  away: { isAway: true },
  silent: { losesAnswers: true },
  failing: { failsWith: { status: 500, body: { error: { type: 'api_error', message: 'Oh' } } } },
} as const;
type Disturbance = keyof typeof disturbances;

type Deed =
  | { deed: 'ask'; disturbance: Disturbance }
  | { deed: 'wait'; minutes: number }
  | { deed: 'hear'; newest: number }
  | { deed: 'pay' | 'pay-slowly' | 'bank-pays' | 'bank-refuses' | 'forget-answer' };

const anyDisturbance = fc.oneof(
  fc.constant<Disturbance>('none'),
  fc.constantFrom(...(Object.keys(disturbances) as Disturbance[])),
);
const anyDeed: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({ deed: fc.constant('ask' as const), disturbance: anyDisturbance }),
  fc.record({ deed: fc.constant('wait' as const), minutes: fc.constantFrom(1, 9, 25, 45, 24 * 60) }),
  fc.record({ deed: fc.constant('hear' as const), newest: fc.nat(3) }),
  fc.record({
    deed: fc.constantFrom('pay', 'pay-slowly', 'bank-pays', 'bank-refuses', 'forget-answer'),
  }),
);

/** What shopper and bank do between the other deeds. Each life has one of these. */
const anyTurn: fc.Arbitrary<Deed[]> = fc.constantFrom<Deed[]>(
  [{ deed: 'pay' }],
  [{ deed: 'pay-slowly' }, { deed: 'bank-pays' }],
  [{ deed: 'pay-slowly' }, { deed: 'bank-refuses' }],
);
const anyLife = fc
  .tuple(fc.array(anyDeed, { maxLength: 2 }), anyTurn, fc.array(anyDeed, { maxLength: 6 }))
  .map((parts) => parts.flat());

/** The life of one order, with its shopper, the bank, Stripe's messages and the clock. */
class Life {
  readonly #id: string;
  #minutes = 0;
  /** Each state that Stripe has reported or will report. Messages come late and twice. */
  readonly #messages: { type: string; session: FakeSession }[] = [];

  constructor(id: string) {
    this.#id = id;
  }

  get #session(): FakeSession | undefined {
    const session = at.sessionsOf(this.#id)[0];
    const now = Date.now() / 1_000 + this.#minutes * 60;
    if (session?.status === 'open' && session.expires_at <= now)
      this.#become({ status: 'expired' }, 'expired');
    return session;
  }

  #become(change: Partial<FakeSession>, event: string): void {
    const session = Object.assign(at.sessionsOf(this.#id)[0]!, change);
    this.#messages.unshift({ type: `checkout.session.${event}`, session: { ...session } });
  }

  async live(deed: Deed): Promise<void> {
    const session = this.#session;
    if (deed.deed === 'wait') this.#minutes += deed.minutes;
    else if (deed.deed === 'ask') await this.#ask(deed.disturbance);
    else if (deed.deed === 'hear') await this.#hear(deed.newest);
    else if (deed.deed === 'forget-answer') await this.#forgetAnswer();
    else if (session !== undefined) await this.#pay(session, deed.deed);
  }

  async #ask(disturbance: Disturbance): Promise<void> {
    Object.assign(at.stripe, disturbances[disturbance]);
    // A refund that cannot be made now fails its job, which is tried again.
    await at.settle(this.#id, this.#minutes).catch(() => undefined);
    Object.assign(at.stripe, undisturbed);
  }

  async #hear(newest: number): Promise<void> {
    const message = this.#messages[newest];
    if (message !== undefined) expect(await at.tell(message.type, message.session)).toBe(204);
  }

  /** Simulates a process that dies before it has stored Stripe's answer. */
  async #forgetAnswer(): Promise<void> {
    const { status, reference, expires_at: expiresAt } = await at.payment(this.#id);
    if (status !== 'pending' || reference === null) return;
    const { db } = at.shop.deps;
    const { number } = await db
      .selectFrom('orders')
      .select('number')
      .where('id', '=', this.#id)
      .executeTakeFirstOrThrow();
    const lineage = await readLineage(db);
    const order = { orderId: this.#id, orderNumber: number, amount: 1_999, currency: 'EUR', lineage };
    const request = JSON.stringify(
      at.shop.providers.stripe!.prepare!({ ...order, email: 'buyer@example.com', expiresAt: expiresAt! }),
    );
    const lost = { reference: null, redirect_url: null, request };
    await db.updateTable('payments').set(lost).where('order_id', '=', this.#id).execute();
  }

  async #pay(session: FakeSession, deed: 'pay' | 'pay-slowly' | 'bank-pays' | 'bank-refuses'): Promise<void> {
    const isUnderway = session.status === 'complete' && session.intentStatus === 'processing';
    const paid = { status: 'complete', payment_status: 'paid', intentStatus: 'succeeded' } as const;
    if (deed === 'pay' && session.status === 'open') this.#become(paid, 'completed');
    if (deed === 'pay-slowly' && session.status === 'open')
      this.#become({ status: 'complete', intentStatus: 'processing' }, 'completed');
    if (deed === 'bank-pays' && isUnderway) this.#become(paid, 'async_payment_succeeded');
    if (deed === 'bank-refuses' && isUnderway)
      this.#become({ intentStatus: 'requires_payment_method' }, 'async_payment_failed');
  }

  /** The bank decides, Stripe answers, and the worker asks as long as it takes. */
  async end(): Promise<void> {
    await this.live({ deed: 'bank-pays' });
    for (let time = 0; time < 4; time += 1) {
      this.#minutes += 60;
      await this.live({ deed: 'ask', disturbance: 'none' });
    }
  }
}

test('A payment ends paid with its money, or failed without, whatever happened to it', async () => {
  await fc.assert(
    fc.asyncProperty(anyDisturbance, anyLife, async (disturbance, deeds) => {
      const before = await at.available();
      Object.assign(at.stripe, disturbances[disturbance]);
      const { id } = await at.order();
      Object.assign(at.stripe, undisturbed);
      const life = new Life(id);
      for (const deed of deeds) await life.live(deed);
      await life.end();

      const { status, flag, order_status: order } = await at.payment(id);
      const sessions = at.sessionsOf(id);
      const tookMoney = sessions.filter((session) => session.payment_status === 'paid').length;
      const gaveBack = at.stripe.refunds.filter(({ intent }) =>
        sessions.some((session) => intent === `pi_${session.id}`),
      ).length;
      expect(sessions.length).toBeLessThanOrEqual(1);
      expect(['paid', 'failed']).toContain(status);
      expect({ order, money: tookMoney - gaveBack }).toEqual(
        status === 'paid' ? { order: 'paid', money: 1 } : { order: 'cancelled', money: 0 },
      );
      expect(flag).toBe(gaveBack === 1 ? 'refunded' : null);
      expect(await at.mailsOf(id)).toBe(status === 'paid' ? 1 : 0);
      expect(await at.available()).toBe(status === 'paid' ? before - 1 : before);
    }),
    { numRuns: 25 },
  );
}, 180_000);
