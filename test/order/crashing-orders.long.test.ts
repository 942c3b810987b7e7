// Deeds happen to an order in any order, each perhaps twice, and the process dies between any two steps. A statement
// is then not sent, its transaction is rolled back, and a provider's answer is lost. The worker finishes what is
// left; then the order must be lawful.
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { type KyselyPlugin, sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FakeSession, payOnPage } from '../../ops-scripts/drills/stripe-server.ts';
import type { Deps } from '../../origin/deps.ts';
import { Refusal } from '../../origin/errors.ts';
import type { Life, OrderChange } from '../../origin/order/life/order-life.ts';
import { payBack } from '../../origin/order/life/pay-back.ts';
import { performDeed } from '../../origin/order/life/perform-deed.ts';
import { lockLife } from '../../origin/order/life/read-life.ts';
import { expireHold, settlePayment } from '../../origin/order/pay-order.ts';
import type { PaymentProvider } from '../../origin/order/payment/provider.ts';
import { createPaymentProviders, type PaymentProviders } from '../../origin/order/payment/providers.ts';
import { recordEvent } from '../../origin/order/record-outcome.ts';
import { openStripeShop, type StripeShop } from '../support/stripe-shop.ts';
import { expectLawful } from './lawful-life.ts';

let at: StripeShop;
beforeAll(async () => {
  at = await openStripeShop();
});
afterAll(() => at?.[Symbol.asyncDispose]());

class Crash extends Error {}

/** A process that dies after so many steps. A step is a statement, or one side of a call of a provider. */
class Process {
  #stepsLeft: number;
  readonly deps: Deps;
  readonly providers: PaymentProviders;

  constructor(stepsLeft: number, minutes: number) {
    this.#stepsLeft = stepsLeft;
    const { deps } = at.shop;
    const plugin: KyselyPlugin = {
      transformQuery: ({ node }) => {
        this.#step();
        return node;
      },
      transformResult: async ({ result }) => result,
    };
    const now = () => Date.now() + minutes * 60_000;
    this.deps = { ...deps, db: deps.db.withPlugin(plugin), now, wakeWorker: () => undefined };
    const providers = createPaymentProviders(deps.settings, now);
    const stripe = providers.stripe!;
    const mortal = Object.fromEntries(
      Object.entries(stripe).map(([name, member]) => [
        name,
        typeof member === 'function' && name !== 'prepare' ? this.#mortal(member.bind(stripe)) : member,
      ]),
    ) as unknown as PaymentProvider;
    this.providers = { ...providers, find: () => mortal };
  }

  get isDead(): boolean {
    return this.#stepsLeft <= 0;
  }

  #step(): void {
    if (this.isDead) throw new Crash('The process died');
    this.#stepsLeft -= 1;
  }

  #mortal(call: (...args: never[]) => Promise<unknown>) {
    return async (...args: never[]) => {
      this.#step();
      const answer = await call(...args);
      this.#step();
      return answer;
    };
  }
}

type AnyDeed =
  | { what: 'ship'; quantity: number | undefined }
  | { what: 'cancel' }
  | { what: 'deliver'; nth: number }
  | { what: 'refund'; amount: number; restock: number }
  | { what: 'request-return'; quantity: number }
  | { what: 'receive-return'; nth: number; quantity: number; restock: boolean }
  | { what: 'refuse-return'; nth: number }
  | { what: 'shopper-pays' | 'webhook' | 'settle' | 'pay-back' | 'expire-hold' | 'stripe-is-away' };

interface Doing {
  deed: AnyDeed;
  /** Steps until the process dies; undefined where it lives. */
  diesAfter: number | undefined;
  /** Whether the deed is asked for once more with the same key, by a process that does not die. */
  again: boolean;
}

const nth = fc.nat(1);
const quantity = fc.integer({ min: 1, max: 3 });
const anyDeed: fc.Arbitrary<AnyDeed> = fc.oneof(
  fc.record({ what: fc.constant('ship' as const), quantity: fc.option(quantity, { nil: undefined }) }),
  fc.constant({ what: 'cancel' as const }),
  fc.record({ what: fc.constant('deliver' as const), nth }),
  fc.record({
    what: fc.constant('refund' as const),
    amount: fc.constantFrom(1, 1_999, 3_998, 5_997),
    restock: fc.nat(2),
  }),
  fc.record({ what: fc.constant('request-return' as const), quantity }),
  fc.record({ what: fc.constant('receive-return' as const), nth, quantity, restock: fc.boolean() }),
  fc.record({ what: fc.constant('refuse-return' as const), nth }),
  fc.record({
    what: fc.constantFrom('webhook', 'webhook', 'settle', 'pay-back', 'expire-hold', 'stripe-is-away'),
  }),
);
const paying: fc.Arbitrary<AnyDeed> = fc.record({ what: fc.constant('shopper-pays' as const) });
const around = (deed: fc.Arbitrary<AnyDeed>): fc.Arbitrary<Doing> =>
  fc.record({
    deed,
    diesAfter: fc.option(fc.integer({ min: 1, max: 25 }), { nil: undefined }),
    again: fc.boolean(),
  });
const anyLife = fc
  .tuple(
    fc.array(around(anyDeed), { maxLength: 2 }),
    around(paying),
    // Most orders are paid before anything else happens to them.
    fc.array(around(fc.constant<AnyDeed>({ what: 'webhook' })), { minLength: 1, maxLength: 1 }),
    fc.array(around(anyDeed), { maxLength: 8 }),
  )
  .map((parts) => parts.flat());

type Counts = Map<string, { done: number; perhaps: number }>;

/** The fate of one order: performs deeds on it and counts them. */
class Fate {
  readonly id: string;
  readonly counts: Counts = new Map();
  #minutes = 0;
  #isAway = false;

  constructor(id: string) {
    this.id = id;
  }

  get session(): FakeSession | undefined {
    return at.sessionsOf(this.id)[0];
  }

  async live({ deed, diesAfter, again }: Doing): Promise<void> {
    at.stripe.aheadMs = this.#minutes * 60_000;
    at.stripe.isAway = this.#isAway;
    const key = randomUUID();
    const perform = await this.#toPerform(deed, key);
    const first = await this.#attempt(perform, new Process(diesAfter ?? Infinity, this.#minutes));
    // Staff whose request broke either press the button once more, or give up.
    const last = again ? await this.#attempt(perform, new Process(Infinity, this.#minutes)) : first;
    if (first === 'done' && again) expect([deed.what, last]).toEqual([deed.what, 'done']);
    const count = this.counts.get(deed.what) ?? { done: 0, perhaps: 0 };
    if (last === 'done') count.done += 1;
    else if (last === 'died') count.perhaps += 1;
    this.counts.set(deed.what, count);
    at.stripe.isAway = false;
    at.stripe.aheadMs = 0;
  }

  async #attempt(
    perform: (process: Process) => Promise<unknown>,
    process: Process,
  ): Promise<'done' | 'refused' | 'died'> {
    try {
      await perform(process);
      // The process died before its answer reached anyone.
      return process.isDead ? 'died' : 'done';
    } catch (error) {
      if (process.isDead) return 'died';
      if (error instanceof Refusal) return 'refused';
      // A job fails while Stripe is away, and is tried again later.
      if (this.#isAway) return 'refused';
      throw error;
    }
  }

  async #toPerform(deed: AnyDeed, key: string): Promise<(process: Process) => Promise<unknown>> {
    switch (deed.what) {
      case 'shopper-pays':
        return async () => this.#pay();
      case 'stripe-is-away':
        return async () => {
          this.#isAway = !this.#isAway;
        };
      case 'webhook':
        return (process) => this.#hear(process);
      case 'settle':
        return ({ deps, providers }) => settlePayment(deps, this.id, providers);
      case 'pay-back':
        return ({ deps, providers }) => payBack(deps, providers, this.id);
      case 'expire-hold':
        return ({ deps }) => expireHold(deps, this.id);
      default: {
        const change = toChange(deed, await this.readLife());
        const write = { scope: `account:${this.id}`, key, method: 'POST', path: '/deed', body: change };
        return (parts) => performDeed(parts, { orderId: this.id, write, change });
      }
    }
  }

  #pay(): void {
    const { session } = this;
    if (session?.status === 'open') payOnPage(session);
  }

  /** Stripe repeats a webhook that was not accepted; the next webhook of the plan stands for that. */
  async #hear({ deps, providers }: Process): Promise<void> {
    if (this.session === undefined) return;
    const { body, headers } = await at.stripe.event('checkout.session.completed', this.session);
    const event = await providers.stripe!.readEvent(body, headers['Stripe-Signature']!);
    if (event?.about === 'payment') await recordEvent(deps, { provider: 'stripe', ...event });
  }

  readLife(): Promise<Life> {
    return at.shop.deps.db.transaction().execute(async (tx) => (await lockLife(tx, this.id))!);
  }

  /** Runs the jobs in the outbox in six rounds, with time between them, and does nothing else. */
  async end(): Promise<void> {
    const { db } = at.shop.deps;
    for (let round = 0; round < 6; round += 1) {
      // The last rounds are days apart, so that authorisations that were never captured have ended.
      this.#minutes += round < 4 ? 60 : 8 * 24 * 60;
      await sql`update refunds set attempted_at = attempted_at - interval '1 hour' where order_id = ${this.id}`.execute(
        db,
      );
      const { rows } = await sql<{ kind: string }>`
        delete from outbox where payload ->> 'orderId' = ${this.id}
          and kind in ('settle-payment', 'pay-back', 'expire-hold') returning kind`.execute(db);
      const { deps, providers } = new Process(Infinity, this.#minutes);
      at.stripe.aheadMs = this.#minutes * 60_000;
      for (const { kind } of rows) {
        if (kind === 'settle-payment') await settlePayment(deps, this.id, providers);
        if (kind === 'pay-back') await payBack(deps, providers, this.id);
        if (kind === 'expire-hold') await expireHold(deps, this.id);
      }
      at.stripe.aheadMs = 0;
    }
  }
}

function toChange(deed: AnyDeed, { lines, shipments, returns }: Life): OrderChange {
  const { variantId } = lines[0]!;
  const by = { who: 'staff' as const };
  const pieces = (count: number) => [{ variantId, quantity: count }];
  switch (deed.what) {
    case 'ship': {
      const chosen = deed.quantity === undefined ? {} : { lines: pieces(deed.quantity) };
      return { by, deed: { what: 'ship', ...chosen }, parcel: { carrier: 'DHL' } };
    }
    case 'deliver':
      return { by, deed: { what: 'deliver', shipment: shipments[deed.nth]?.id ?? '0', atMs: Date.now() } };
    case 'refund': {
      const restock = deed.restock === 0 ? [] : pieces(deed.restock);
      return { by, deed: { what: 'refund', amount: deed.amount, restock }, reason: 'A seam was open' };
    }
    case 'request-return': {
      const asked = { lines: pieces(deed.quantity), nowMs: Date.now(), returnDays: 14 };
      return { by: { who: 'shopper' }, deed: { what: 'request-return', ...asked } };
    }
    case 'receive-return': {
      const received = pieces(deed.quantity).map((line) => ({ ...line, restock: deed.restock }));
      return { by, deed: { what: 'receive-return', id: returns[deed.nth]?.id ?? '0', lines: received } };
    }
    case 'refuse-return':
      return { by, deed: { what: 'refuse-return', id: returns[deed.nth]?.id ?? '0' }, reason: 'Worn' };
    default:
      return { by, deed: { what: 'cancel' } };
  }
}

async function countRows(orderId: string): Promise<Record<string, number>> {
  const { rows } = await sql<{ what: string; count: number }>`
    select what, count(*)::integer as count from (
      select 'event ' || what as what from order_events where order_id = ${orderId}
      union all
      select 'mail ' || (payload ->> 'template') from outbox
      where kind = 'mail' and payload -> 'data' ->> 'orderId' = ${orderId}
      union all select 'invoice' from invoices where order_id = ${orderId}
      union all select 'credit note' from credit_notes where order_id = ${orderId}) counted
    group by what`.execute(at.shop.deps.db);
  return Object.fromEntries(rows.map(({ what, count }) => [what, count]));
}

/** Events, mails, invoices and credit notes must all count the same. */
function expectOnce(life: Life, counts: Counts, rows: Record<string, number>): void {
  const of = (what: string) => rows[what] ?? 0;
  const isPaid = life.payment === 'paid';
  const wasAuthorised = of('event payment-authorised') > 0;
  // A left-out amount counts as refunded as soon as the rest is taken, but no mail announces a refund.
  const leftOut = isPaid && life.leftOut > 0 ? 1 : 0;
  const refunds = life.refunds.length - leftOut;
  expect(rows).toMatchObject({ 'event placed': 1 });
  expect([of('event shipped'), of('mail order-shipped')]).toEqual(Array(2).fill(life.shipments.length));
  expect([of('event return-requested'), of('mail return-requested')]).toEqual(
    Array(2).fill(life.returns.length),
  );
  expect([
    of('event refund-begun'),
    of('mail order-refunded'),
    of('event refunded') - leftOut,
    of('credit note') - leftOut,
  ]).toEqual(Array(4).fill(refunds));
  expect([of('event paid'), of('invoice')]).toEqual(Array(2).fill(isPaid ? 1 : 0));
  expect(of('mail order-confirmation')).toBeLessThanOrEqual(isPaid || wasAuthorised ? 1 : 0);
  const cancellations = of('event cancelled') + of('event cancelled-while-unpaid');
  // A shopper whose authorisation ended gets that mail too.
  const hasEnded = wasAuthorised && life.payment === 'failed' && cancellations === 0 ? 1 : 0;
  expect(of('mail order-cancelled')).toBe(cancellations + hasEnded);
  expect(cancellations).toBeLessThanOrEqual(1);
  const events = { ship: 'shipped', 'request-return': 'return-requested', 'refuse-return': 'return-refused' };
  for (const [what, event] of Object.entries(events)) {
    const { done, perhaps } = counts.get(what) ?? { done: 0, perhaps: 0 };
    expect(of(`event ${event}`), what).toBeGreaterThanOrEqual(done);
    expect(of(`event ${event}`), what).toBeLessThanOrEqual(done + perhaps);
  }
}

function expectMoney(fate: Fate, life: Life, flag: string | null): void {
  const { session, id } = fate;
  const tookMoney = session?.payment_status === 'paid';
  const sent = at.stripe.refunds.filter(({ intent }) => intent === `pi_${session?.id}`);
  const amounts = (list: { amount: number }[]) => list.map(({ amount }) => amount).sort((a, b) => a - b);
  expect(at.sessionsOf(id).length).toBeLessThanOrEqual(1);
  if (life.payment === 'failed') {
    // Money that arrived after the end was refunded whole.
    expect(amounts(sent)).toEqual(tookMoney ? [life.total] : []);
    expect(flag).toBe(tookMoney ? 'refunded' : null);
  } else {
    expect([life.payment, tookMoney, flag]).toEqual(['paid', true, null]);
    const captured = session?.captured ?? life.total;
    expect(captured).toBe(life.total - life.leftOut);
    const byProvider = [...life.refunds];
    if (life.leftOut > 0)
      byProvider.splice(
        byProvider.findIndex(({ amount }) => amount === life.leftOut),
        1,
      );
    expect(amounts(sent)).toEqual(amounts(byProvider));
  }
  expect(life.refunds.every(({ status }) => status === 'done')).toBe(true);
}

test('Whatever is done to an order, twice or with the process dying between any two steps, it ends lawful', async () => {
  await fc.assert(
    fc.asyncProperty(anyLife, fc.boolean(), fc.boolean(), async (doings, losesAnswer, isCapturedLater) => {
      const before = await at.available();
      at.shop.deps.settings.stripe!.capture = isCapturedLater ? 'shipment' : 'order';
      at.stripe.losesAnswers = losesAnswer;
      const fate = new Fate((await at.order(3)).id);
      at.stripe.losesAnswers = false;
      for (const doing of doings) {
        await fate.live(doing);
        const { lines, ...life } = await fate.readLife();
        const restocked = new Map(lines.map((line) => [line.variantId, line.restocked]));
        expectLawful({ ...life, lines }, restocked);
      }
      await fate.end();
      const life = await fate.readLife();
      const back = life.lines[0]!.restocked;
      expectLawful(life, new Map([[life.lines[0]!.variantId, back]]));
      expect(life.holdsStock).toBe(false);
      expect(await at.available()).toBe(before - 3 + back);
      expectOnce(life, fate.counts, await countRows(fate.id));
      expectMoney(fate, life, (await at.payment(fate.id)).flag);
    }),
    { numRuns: 100 },
  );
}, 600_000);
