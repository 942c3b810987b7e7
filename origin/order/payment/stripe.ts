// Stripe Checkout: the shopper pays on Stripe's page. A verified webhook or a request to Stripe gives the outcome.
// See docs/payments.md.
import { createHash } from 'node:crypto';
import type Stripe from 'stripe';
import type { Settings } from '../../config.ts';
import { idPattern } from '../../web/api/api.ts';
import {
  type Charge,
  type ChargeResult,
  holdMinutes,
  type PaymentProvider,
  type PreparedFrom,
} from './provider.ts';
import {
  type ConnectStripe,
  connectStripe,
  createStripeRefunds,
  isOfOrder,
  readSession,
  type SessionMeaning,
  type StripeKeys,
  toRefusal,
} from './stripe-client.ts';
import { readStripeEvent, type StripeEvent } from './stripe-events.ts';

export interface StripeOptions {
  settings: Pick<Settings, 'siteUrl'> & { stripe: StripeKeys };
  /** Milliseconds since 1970. */
  now?: () => number;
}

export interface StripeProvider extends PaymentProvider {
  /** @returns undefined for events that do not matter here. @throws where the signature is not Stripe's */
  readEvent(body: string, signature: string): Promise<StripeEvent | undefined>;
  /** @returns undefined where the payment has no order of this kind. @throws where Stripe did not answer */
  findOrder(intentId: string): Promise<{ orderId: string; orderNumber: string } | undefined>;
}

/** The request as the payment's row stores it. */
interface KeptRequest {
  /** Identifies the secret key. With a key of another account, the request's outcome cannot be found. */
  account: string;
  parameters: Stripe.Checkout.SessionCreateParams;
}

/** EUR: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts */
const bounds = { min: 50, max: 99_999_999 };

/** Stripe opens no page for less time. */
const shortestPageMinutes = 30;
const clockSkewSeconds = 300;
/** A bound on the sessions that are searched for one order. A request lists a hundred. */
const mostListed = 2_000;

export function createStripeProvider({ settings, now = Date.now }: StripeOptions): StripeProvider {
  const connect = connectStripe(settings.stripe);
  const account = createHash('sha256').update(settings.stripe.secretKey).digest('hex').slice(0, 16);
  const pages = new StripePages(connect, account);
  return {
    bounds,
    prepare: (order): KeptRequest => ({ account, parameters: describeSession(order, settings) }),
    async charge(charge) {
      try {
        return readSession(await pages.open(charge), charge);
      } catch (error) {
        return toRefusal(error, { isFirst: true });
      }
    },
    retrieve: (charge) => pages.retrieveOutcome(charge, now()),
    capture: (charge) => pages.capture(charge),
    close: (charge) => pages.close(charge),
    ...createStripeRefunds(connect, (reference) => pages.readIntentId(reference)),
    async readEvent(body, signature) {
      // The async form uses Web Crypto, so it works on every runtime.
      const { webhooks } = await connect();
      return readStripeEvent(
        await webhooks.constructEventAsync(body, signature, settings.stripe.webhookSecret),
      );
    },
    async findOrder(intentId) {
      const { paymentIntents } = await connect();
      const intent = await paymentIntents.retrieve(intentId).catch((error: unknown) => {
        toRefusal(error, { isFirst: false });
        return undefined;
      });
      const { order_id: orderId = '', order: orderNumber = '' } = intent?.metadata ?? {};
      return idPattern.test(orderId) ? { orderId, orderNumber } : undefined;
    },
  };
}

/** The pages on which orders are paid, and the payment intents behind them. */
class StripePages {
  readonly #connect: ConnectStripe;
  readonly #account: string;

  constructor(connect: ConnectStripe, account: string) {
    this.#connect = connect;
    this.#account = account;
  }

  async open(charge: Charge): Promise<Stripe.Checkout.Session> {
    const { parameters } = charge.request as KeptRequest;
    const { checkout } = await this.#connect();
    return checkout.sessions.create(parameters, { idempotencyKey: charge.idempotencyKey });
  }

  async retrieveOutcome(charge: Charge, nowMs: number): Promise<SessionMeaning> {
    if (charge.reference !== null) return readSession(await this.#retrieve(charge.reference), charge);
    const { expiresAt } = charge;
    if (expiresAt !== null && expiresAt.getTime() < nowMs) return this.#lookUp(charge, expiresAt);
    // The first answer was lost. The same request with the same key leads to the same session.
    let session: Stripe.Checkout.Session;
    try {
      session = await this.open(charge);
    } catch (error) {
      return toRefusal(error, { isFirst: false });
    }
    // Stripe repeats its first answer word for word, so the session's present state is read.
    return readSession(await this.#retrieve(session.id).catch(() => session), charge);
  }

  async #retrieve(id: string): Promise<Stripe.Checkout.Session> {
    const { checkout, paymentIntents } = await this.#connect();
    const session = await checkout.sessions.retrieve(id, { expand: ['payment_intent'] });
    const { payment_intent: intent } = session;
    // The expanded intent was not shown, so it is read by its id. It decides once the page is closed.
    return typeof intent === 'string' && session.payment_status === 'unpaid'
      ? { ...session, payment_intent: await paymentIntents.retrieve(intent) }
      : session;
  }

  /**
   * Searches for a page to which no shopper was led. It has expired, so the request is not repeated.
   */
  async #lookUp(charge: Charge, expiresAt: Date): Promise<SessionMeaning> {
    if ((charge.request as KeptRequest).account !== this.#account)
      return { status: 'unknown', detail: 'It was asked for with another secret key' };
    const seconds = Math.floor(expiresAt.getTime() / 1_000);
    const created = {
      gte: seconds - holdMinutes * 60 - clockSkewSeconds,
      lte: seconds - shortestPageMinutes * 60 + clockSkewSeconds,
    };
    const sessions = (await this.#connect()).checkout.sessions.list({ created, limit: 100 });
    let listed = 0;
    for await (const session of sessions) {
      if (isOfOrder(session, charge)) return readSession(await this.#retrieve(session.id), charge);
      if (++listed >= mostListed) throw new Error('Stripe has too many sessions to look through');
    }
    return { status: 'failed', detail: 'Stripe opened no page for this order' };
  }

  /** @throws where the payment took no money, or Stripe did not answer */
  async readIntentId(reference: string | null): Promise<string> {
    if (reference === null) throw new Error('Cannot refund a payment without its reference');
    const { payment_intent: intent } = await this.#retrieve(reference);
    const id = typeof intent === 'string' ? intent : intent?.id;
    if (id === undefined) throw new Error('Cannot refund a payment that took no money');
    return id;
  }

  /** Captures an authorised payment and releases the rest of it. A repeated call takes nothing again. */
  async capture(charge: Charge): Promise<ChargeResult> {
    const intent = await this.readIntentId(charge.reference);
    const { paymentIntents } = await this.#connect();
    const key = { idempotencyKey: `${charge.idempotencyKey}-capture-${charge.toCapture}` };
    // Stripe refuses what was captured before, and an authorisation that has ended. The intent tells which.
    await paymentIntents
      .capture(intent, { amount_to_capture: charge.toCapture }, key)
      .catch((error: unknown) => toRefusal(error, { isFirst: true }));
    return readSession(await this.#retrieve(charge.reference!), charge);
  }

  /** Closes the page of a cancelled order, or releases its authorisation. */
  async close(charge: Charge): Promise<void> {
    if (charge.reference === null) return;
    const { checkout, paymentIntents } = await this.#connect();
    // A page or an authorisation that has ended cannot be ended again. That is no error.
    const over = (error: unknown) => void toRefusal(error, { isFirst: true });
    const session = await this.#retrieve(charge.reference);
    if (readSession(session, charge).status === 'authorised')
      await paymentIntents.cancel(await this.readIntentId(charge.reference)).catch(over);
    else await checkout.sessions.expire(charge.reference).catch(over);
  }
}

function describeSession(
  order: PreparedFrom,
  { siteUrl, stripe }: StripeOptions['settings'],
): Stripe.Checkout.SessionCreateParams {
  const metadata = { order: order.orderNumber, order_id: order.orderId, shop: order.lineage };
  return {
    mode: 'payment',
    client_reference_id: order.orderId,
    ...(order.email ? { customer_email: order.email } : {}),
    expires_at: Math.floor(order.expiresAt.getTime() / 1_000),
    line_items: [
      {
        quantity: 1,
        price_data: {
          currency: order.currency.toLowerCase(),
          unit_amount: order.amount,
          product_data: { name: `Order ${order.orderNumber}` },
        },
      },
    ],
    metadata,
    payment_intent_data: {
      metadata,
      description: `Order ${order.orderNumber}`,
      ...(stripe.capture === 'shipment' ? { capture_method: 'manual' as const } : {}),
    },
    success_url: `${siteUrl}/orders/${order.orderId}?paid=yes`,
    cancel_url: `${siteUrl}/orders/${order.orderId}`,
  };
}
