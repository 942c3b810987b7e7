// Stripe Checkout: the shopper pays on Stripe's page; a verified webhook or a request to Stripe gives the outcome. See
// docs/payments.md.
import { createHash } from 'node:crypto';
import type Stripe from 'stripe';
import type { Settings } from '../../config.ts';
import { idPattern } from '../../web/api/api.ts';
import {
  type Charge,
  holdMinutes,
  type PaymentProvider,
  type PreparedFrom,
  providerMs,
  type RefundResult,
} from './provider.ts';
import { isOfOrder, readSession, type SessionMeaning } from './stripe-session.ts';

export interface StripeOptions {
  settings: Pick<Settings, 'siteUrl'> & { stripe: NonNullable<Settings['stripe']> };
  /** Milliseconds since 1970. */
  now?: () => number;
}

export interface StripeEvent {
  orderId: string;
  /** @returns what it says of the order's payment; undefined where it is about something else. */
  read(charge: Charge): SessionMeaning | undefined;
}

export interface StripeProvider extends PaymentProvider {
  /** @returns undefined for events that do not matter here. @throws where the signature is not Stripe's. */
  readEvent(body: string, signature: string): Promise<StripeEvent | undefined>;
}

/** As it stands in the payment's row. */
interface KeptRequest {
  /** Names the secret key: another account cannot tell what became of the request. */
  account: string;
  parameters: Stripe.Checkout.SessionCreateParams;
}

/** Twice, with a pause between. */
const timeoutMs = providerMs / 2 - 500;

/** EUR: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts */
const bounds = { min: 50, max: 99_999_999 };

/** Stripe opens no page for a shorter time than this. */
const shortestPageMinutes = 30;
const clockSkewSeconds = 300;
/** Sessions of one account that are looked through for one order: a hundred a request. */
const mostListed = 2_000;

export function createStripeProvider({ settings, now = Date.now }: StripeOptions): StripeProvider {
  // The SDK is large and most shops of this kind start without it: it is loaded when it is first needed.
  let client: Promise<Stripe> | undefined;
  const connect = () => (client ??= loadStripe(settings.stripe));
  const account = createHash('sha256').update(settings.stripe.secretKey).digest('hex').slice(0, 16);

  const open = async (charge: Charge) => {
    const { parameters } = charge.request as KeptRequest;
    return (await connect()).checkout.sessions.create(parameters, { idempotencyKey: charge.idempotencyKey });
  };
  const retrieve = async (id: string): Promise<Stripe.Checkout.Session> => {
    const { checkout, paymentIntents } = await connect();
    const session = await checkout.sessions.retrieve(id, { expand: ['payment_intent'] });
    const { payment_intent: intent } = session;
    // What was not shown is read by its id: once the page is closed, the intent decides.
    return typeof intent === 'string' && session.payment_status === 'unpaid'
      ? { ...session, payment_intent: await paymentIntents.retrieve(intent) }
      : session;
  };

  /** For a page that nobody was led to. It can no longer be opened, so the request is not repeated. */
  const lookUp = async (charge: Charge, expiresAt: Date): Promise<SessionMeaning> => {
    if ((charge.request as KeptRequest).account !== account)
      return { status: 'unknown', detail: 'It was asked for with another secret key' };
    const seconds = Math.floor(expiresAt.getTime() / 1_000);
    const created = {
      gte: seconds - holdMinutes * 60 - clockSkewSeconds,
      lte: seconds - shortestPageMinutes * 60 + clockSkewSeconds,
    };
    const sessions = (await connect()).checkout.sessions.list({ created, limit: 100 });
    let listed = 0;
    for await (const session of sessions) {
      if (isOfOrder(session, charge)) return readSession(await retrieve(session.id), charge);
      if (++listed >= mostListed) throw new Error('Stripe has too many sessions to look through');
    }
    return { status: 'failed', detail: 'Stripe opened no page for this order' };
  };

  const intentIdOf = async ({ reference }: Charge): Promise<string> => {
    if (reference === null) throw new Error('Cannot refund a payment without its reference');
    const { payment_intent: intent } = await retrieve(reference);
    const id = typeof intent === 'string' ? intent : intent?.id;
    if (id === undefined) throw new Error('Cannot refund a payment that took no money');
    return id;
  };
  /** Keys are forgotten after a day, what was made under them is not: it bears the key. */
  const findRefund = async (intent: string, key: string): Promise<Stripe.Refund | undefined> => {
    const { refunds } = await connect();
    for await (const refund of refunds.list({ payment_intent: intent, limit: 100 }))
      if (refund.metadata?.['key'] === key) return refund;
    return undefined;
  };

  return {
    bounds,
    prepare: (order): KeptRequest => ({ account, parameters: describeSession(order, settings.siteUrl) }),
    async charge(charge) {
      try {
        return readSession(await open(charge), charge);
      } catch (error) {
        return toRefusal(error, { isFirst: true });
      }
    },
    async retrieve(charge) {
      if (charge.reference !== null) return readSession(await retrieve(charge.reference), charge);
      const { expiresAt } = charge;
      if (expiresAt !== null && expiresAt.getTime() < now()) return lookUp(charge, expiresAt);
      // The answer to the first attempt was lost: the same request with the same key leads to the same session.
      let session: Stripe.Checkout.Session;
      try {
        session = await open(charge);
      } catch (error) {
        return toRefusal(error, { isFirst: false });
      }
      // An answer that is given again is as old as the first.
      return readSession(await retrieve(session.id).catch(() => session), charge);
    },
    async refund(charge) {
      const paymentIntent = await intentIdOf(charge);
      const idempotencyKey = `${charge.idempotencyKey}-refund`;
      const { refunds } = await connect();
      await refunds.create({ payment_intent: paymentIntent }, { idempotencyKey }).catch((error: unknown) => {
        // Keys are forgotten after a day: the second refund is refused by this code.
        if ((error as { code?: unknown }).code !== 'charge_already_refunded') throw error;
      });
    },
    async payBack(charge, { amount, key, isRepeated }) {
      const intent = await intentIdOf(charge);
      const known = isRepeated ? await findRefund(intent, key) : undefined;
      if (known !== undefined) return readRefund(known);
      const { refunds } = await connect();
      const asked = { payment_intent: intent, amount, metadata: { order: charge.orderNumber, key } };
      try {
        return readRefund(await refunds.create(asked, { idempotencyKey: `refund-${key}` }));
      } catch (error) {
        return { status: 'unknown', detail: toRefusal(error, { isFirst: true }).detail };
      }
    },
    async close({ reference }) {
      if (reference === null) return;
      const { checkout } = await connect();
      // One that is paid or closed already is no longer open, which is all that is wanted.
      await checkout.sessions
        .expire(reference)
        .catch((error: unknown) => toRefusal(error, { isFirst: true }));
    },
    async readEvent(body, signature) {
      // The async form works on every runtime: it stands on Web Crypto.
      const { webhooks } = await connect();
      const event = await webhooks.constructEventAsync(body, signature, settings.stripe.webhookSecret);
      if (askingEvents.has(event.type)) return readIntent(event.data.object as Stripe.PaymentIntent);
      if (!heardEvents.has(event.type)) return undefined;
      const session = event.data.object as Stripe.Checkout.Session;
      const orderId = session.client_reference_id;
      // The same Stripe account may sell elsewhere, too.
      if (orderId === null || !idPattern.test(orderId)) return undefined;
      return {
        orderId,
        read(charge) {
          const isOurs =
            charge.reference === null ? isOfOrder(session, charge) : charge.reference === session.id;
          if (!isOurs) return undefined;
          const meaning = readSession(session, charge);
          const hasFailed =
            event.type === 'checkout.session.async_payment_failed' && meaning.status === 'pending';
          return hasFailed ? { ...meaning, status: 'failed', detail: 'The bank refused it' } : meaning;
        },
      };
    },
  };
}

function readRefund({ id, status, failure_reason: failure }: Stripe.Refund): RefundResult {
  if (status === 'succeeded') return { status: 'done', reference: id };
  const isOver = status === 'failed' || status === 'canceled';
  const detail = `Stripe says ${[status ?? 'nothing', failure].filter(Boolean).join(', ')}`;
  return { status: isOver ? 'unknown' : 'pending', reference: id, detail };
}

/** docs/payments.md tells operators to subscribe to these. */
const heardEvents = new Set<string>([
  'checkout.session.completed',
  'checkout.session.expired',
  'checkout.session.async_payment_succeeded',
  'checkout.session.async_payment_failed',
]);

/** A card that was declined is one, too, while the shopper may take another: they decide nothing, and the shop asks. */
const askingEvents = new Set<string>([
  'payment_intent.succeeded',
  'payment_intent.payment_failed',
  'payment_intent.canceled',
]);

function readIntent(intent: Stripe.PaymentIntent): StripeEvent | undefined {
  const orderId = intent.metadata?.['order_id'] ?? '';
  if (!idPattern.test(orderId)) return undefined;
  const news: SessionMeaning = { status: 'unknown', detail: `Its payment intent is ${intent.status}` };
  return { orderId, read: (charge) => (isOfOrder(intent, charge) ? news : undefined) };
}

function describeSession(order: PreparedFrom, siteUrl: string): Stripe.Checkout.SessionCreateParams {
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
    payment_intent_data: { metadata, description: `Order ${order.orderNumber}` },
    success_url: `${siteUrl}/orders/${order.orderId}?paid=yes`,
    cancel_url: `${siteUrl}/orders/${order.orderId}`,
  };
}

async function loadStripe({ secretKey, apiUrl }: StripeOptions['settings']['stripe']): Promise<Stripe> {
  const { default: Client } = await import('stripe');
  const { protocol, hostname, port } = new URL(apiUrl ?? 'https://api.stripe.com');
  return new Client(secretKey, {
    timeout: timeoutMs,
    maxNetworkRetries: 1,
    telemetry: false,
    protocol: protocol === 'http:' ? 'http' : 'https',
    host: hostname,
    port: port || (protocol === 'http:' ? 80 : 443),
  });
}

/** The SDK's types for requests that Stripe did not carry out, whatever is repeated. */
const refusals = new Set(['StripeInvalidRequestError', 'StripeIdempotencyError', 'StripeCardError']);
/** Said before the request is looked at: they tell nothing of an earlier attempt. */
const refusalsOfKey = new Set(['StripeAuthenticationError', 'StripePermissionError']);

/** @throws the error, where it does not say that no page was opened */
function toRefusal(error: unknown, { isFirst }: { isFirst: boolean }): SessionMeaning {
  const { type, code, param, message } = error as Partial<
    Record<'type' | 'code' | 'param' | 'message', string>
  >;
  const isRefusal = refusals.has(String(type)) || (isFirst && refusalsOfKey.has(String(type)));
  if (!isRefusal) throw error;
  const what = [code, param].filter(Boolean).join(', ');
  return { status: 'failed', detail: `Stripe refused it${what ? ` (${what})` : ''}: ${message}` };
}
