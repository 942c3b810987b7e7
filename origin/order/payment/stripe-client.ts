// The connection to Stripe: its SDK, loaded when it is first needed, what its errors mean, the outcome of a Checkout
// session, and refunds.
import type Stripe from 'stripe';
import type { Settings } from '../../config.ts';
import {
  type Charge,
  type ChargeResult,
  type PaymentProvider,
  providerMs,
  type RefundResult,
} from './provider.ts';

export type StripeKeys = NonNullable<Settings['stripe']>;
export type ConnectStripe = () => Promise<Stripe>;

/** Twice, with a pause between. */
const timeoutMs = providerMs / 2 - 500;

/** The SDK is large and most shops of this kind start without it. */
export function connectStripe(keys: StripeKeys): ConnectStripe {
  let client: Promise<Stripe> | undefined;
  return () => (client ??= loadStripe(keys));
}

async function loadStripe({ secretKey, apiUrl }: StripeKeys): Promise<Stripe> {
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

type Told = Partial<Record<'type' | 'code' | 'param' | 'message', string>>;

/** @throws the error, where it does not say that nothing was carried out */
export function toRefusal(error: unknown, { isFirst }: { isFirst: boolean }): SessionMeaning {
  const { type, code, param, message } = error as Told;
  const isRefusal = refusals.has(String(type)) || (isFirst && refusalsOfKey.has(String(type)));
  if (!isRefusal) throw error;
  const what = [code, param].filter(Boolean).join(', ');
  return { status: 'failed', detail: `Stripe refused it${what ? ` (${what})` : ''}: ${message}` };
}

// Reads the outcome of a payment from a Stripe Checkout session. A session that does not match the order decides
// nothing.

export interface SessionMeaning extends ChargeResult {
  /** Money was taken, be it the right amount or not. */
  tookMoney?: boolean;
  /** A message that does not tell all: the shop asks at once. */
  isToBeAsked?: boolean;
}

/**
 * For a session whose id is not known yet: the id of an order may be that of another shop's order, its number is not.
 */
export function isOfOrder({ metadata }: Pick<Stripe.Checkout.Session, 'metadata'>, charge: Charge): boolean {
  return metadata?.['order'] === charge.orderNumber;
}

export function readSession(session: Stripe.Checkout.Session, charge: Charge): SessionMeaning {
  const tookMoney = session.payment_status === 'paid' || intentOf(session)?.status === 'succeeded';
  const known = { reference: session.id, tookMoney };
  const difference = findDifference(session, charge);
  if (difference !== undefined) return { ...known, status: 'unknown', detail: difference };
  const status = statusOf(session);
  if (status === 'unknown') {
    const said = [session.status, session.payment_status, intentOf(session)?.status].filter(Boolean);
    return { ...known, status, detail: `Stripe says ${said.join(', ')}` };
  }
  const taken = intentOf(session);
  if (status === 'paid' && taken?.capture_method === 'manual' && taken.amount_received !== charge.toCapture)
    return {
      ...known,
      status: 'unknown',
      detail: `It took ${taken.amount_received}, and ${charge.toCapture} was due`,
    };
  return {
    ...known,
    status,
    redirectUrl: session.status === 'open' ? (session.url ?? undefined) : undefined,
  };
}

/** @returns in words; a member that Stripe did not send differs from nothing. */
function findDifference(session: Stripe.Checkout.Session, charge: Charge): string | undefined {
  const { mode, currency, amount_total: amount } = session as Partial<Stripe.Checkout.Session>;
  if (mode !== undefined && mode !== 'payment') return `Its mode is ${mode}`;
  const told = currency?.toUpperCase();
  if (currency !== undefined && told !== charge.currency)
    return `Its currency is ${told ?? 'unsaid'}, that of the order ${charge.currency}`;
  if (amount !== undefined && amount !== charge.amount)
    return `Its amount is ${amount ?? 'unsaid'}, that of the order ${charge.amount}`;
  return undefined;
}

function statusOf(session: Stripe.Checkout.Session): ChargeResult['status'] {
  const { payment_status: paid, status } = session;
  if (paid === 'paid') return 'paid';
  if (paid !== 'unpaid') return 'unknown';
  if (status === 'open') return 'pending';
  const intent = intentOf(session);
  if (intent?.status === 'requires_capture' && intent.capture_method === 'manual') return 'authorised';
  if (status === 'expired') return intent !== undefined && isUnderway(intent) ? 'pending' : 'failed';
  if (status !== 'complete' || session.payment_intent === null) return 'unknown';
  // A method that takes days: a webhook names the intent only, and asking tells the rest.
  return intent === undefined ? 'pending' : (statusByIntent[intent.status] ?? 'unknown');
}

/** Nothing new begins once the page has expired. */
function isUnderway({ status }: Stripe.PaymentIntent): boolean {
  return ['succeeded', 'processing', 'requires_capture'].includes(status);
}

/** Once the shopper is done with the page, the payment intent alone decides. */
const statusByIntent: Partial<Record<string, ChargeResult['status']>> = {
  succeeded: 'paid',
  processing: 'pending',
  requires_action: 'pending',
  requires_confirmation: 'pending',
  requires_capture: 'pending',
  requires_payment_method: 'failed',
  canceled: 'failed',
};

/** Undefined where only its id is there. */
function intentOf({ payment_intent: intent }: Stripe.Checkout.Session): Stripe.PaymentIntent | undefined {
  return typeof intent === 'object' && intent !== null ? intent : undefined;
}

// Pays back through Stripe, once for each refund, whatever Stripe still remembers of its key.

/** @param readIntentId of the payment. @throws where it took no money */
export function createStripeRefunds(
  connect: ConnectStripe,
  readIntentId: (reference: string | null) => Promise<string>,
): Pick<PaymentProvider, 'refund' | 'payBack'> {
  /** Keys are forgotten after a day, what was made under them is not: it bears the key. */
  const findRefund = async (intent: string, key: string): Promise<Stripe.Refund | undefined> => {
    const { refunds } = await connect();
    for await (const refund of refunds.list({ payment_intent: intent, limit: 100 }))
      if (refund.metadata?.['key'] === key) return refund;
    return undefined;
  };
  return {
    async refund(charge) {
      const paymentIntent = await readIntentId(charge.reference);
      const idempotencyKey = `${charge.idempotencyKey}-refund`;
      const { refunds } = await connect();
      await refunds.create({ payment_intent: paymentIntent }, { idempotencyKey }).catch((error: unknown) => {
        // Keys are forgotten after a day: the second refund is refused by this code.
        if ((error as { code?: unknown }).code !== 'charge_already_refunded') throw error;
      });
    },
    async payBack(charge, { amount, key, isRepeated }) {
      const intent = await readIntentId(charge.reference);
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
  };
}

function readRefund({ id, status, failure_reason: failure }: Stripe.Refund): RefundResult {
  if (status === 'succeeded') return { status: 'done', reference: id };
  const isOver = status === 'failed' || status === 'canceled';
  const detail = `Stripe says ${[status ?? 'nothing', failure].filter(Boolean).join(', ')}`;
  return { status: isOver ? 'unknown' : 'pending', reference: id, detail };
}
