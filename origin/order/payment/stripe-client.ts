// Connects to Stripe: loads its SDK on first use, and interprets its errors.
// Also reads the outcome of a Checkout session, and refunds.
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

/** Two tries with a pause between them fit into `providerMs`. */
const timeoutMs = providerMs / 2 - 500;

/** The SDK is loaded on the first call, because it is large and many shops start without it. */
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

/** Error types of the SDK which say that Stripe did not carry out the request, even if it is a repeated one. */
const refusals = new Set(['StripeInvalidRequestError', 'StripeIdempotencyError', 'StripeCardError']);
/** Stripe checks the key before the request, so these say nothing about an earlier attempt. */
const refusalsOfKey = new Set(['StripeAuthenticationError', 'StripePermissionError']);

type Told = Partial<Record<'type' | 'code' | 'param' | 'message', string>>;

/** @throws the error itself, unless it says that nothing was carried out */
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
  /** Money was taken, whether the amount is right or not. */
  tookMoney?: boolean;
  /** The message does not tell everything, so the shop asks Stripe at once. */
  isToBeAsked?: boolean;
}

/**
 * Identifies a session whose id is not known yet. Another shop's order may have the same id, but not the same number.
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

/** @returns the difference in words; a member that Stripe did not send does not differ */
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
  // A payment method that takes days. A webhook names only the intent's id; asking Stripe tells its status.
  return intent === undefined ? 'pending' : (statusByIntent[intent.status] ?? 'unknown');
}

/** Tells whether the payment had begun. No new one begins once the page has expired. */
function isUnderway({ status }: Stripe.PaymentIntent): boolean {
  return ['succeeded', 'processing', 'requires_capture'].includes(status);
}

/** Once the shopper has completed the page, only the payment intent decides. */
const statusByIntent: Partial<Record<string, ChargeResult['status']>> = {
  succeeded: 'paid',
  processing: 'pending',
  requires_action: 'pending',
  requires_confirmation: 'pending',
  requires_capture: 'pending',
  requires_payment_method: 'failed',
  canceled: 'failed',
};

/** Undefined where the session has only the intent's id. */
function intentOf({ payment_intent: intent }: Stripe.Checkout.Session): Stripe.PaymentIntent | undefined {
  return typeof intent === 'object' && intent !== null ? intent : undefined;
}

// Pays back through Stripe, once for each refund, even after Stripe has forgotten the idempotency key.

/** @param readIntentId reads the payment's intent id. @throws where the payment took no money */
export function createStripeRefunds(
  connect: ConnectStripe,
  readIntentId: (reference: string | null) => Promise<string>,
): Pick<PaymentProvider, 'refund' | 'payBack'> {
  /** Stripe forgets idempotency keys after a day. A refund keeps our key in its metadata, so it is found by that. */
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
        // After a day Stripe has forgotten the key, and refuses the second refund with this code.
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
