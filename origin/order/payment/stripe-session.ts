// Reads the outcome of a payment from a Stripe Checkout session. A session that does not match the order decides
// nothing.
import type Stripe from 'stripe';
import type { Charge, ChargeResult } from './provider.ts';

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
