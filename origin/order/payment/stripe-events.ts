// Reads Stripe's webhooks after stripe.ts has verified their signature.
// They tell of the page on which an order is paid, of its payment intent, and of disputes.
import type Stripe from 'stripe';
import { idPattern } from '../../web/api/api.ts';
import type { Charge } from './provider.ts';
import { isOfOrder, readSession, type SessionMeaning } from './stripe-client.ts';

export interface PaymentNews {
  about: 'payment';
  orderId: string;
  /** @returns what it says about the order's payment; undefined where it is about something else */
  read(charge: Charge): SessionMeaning | undefined;
}

export interface DisputeNews {
  about: 'dispute';
  /** The payment's intent id. Only Stripe knows which order it belongs to. */
  intentId: string;
  dispute: Dispute;
}

export interface Dispute {
  id: string;
  /** Minor units. */
  amount: number;
  /** In Stripe's words, such as `product_not_received`. */
  reason: string;
  /** `inquiry`: the bank asks, and no money has left yet. */
  state: 'inquiry' | 'open' | 'won' | 'lost';
  /** Until when the bank takes evidence. */
  dueBy: Date | null;
  openedAt: Date;
  /** When Stripe reported this state. Messages may arrive in any order. */
  toldAt: Date;
}

export type StripeEvent = PaymentNews | DisputeNews;

/** docs/payments.md tells operators to subscribe to these. */
const sessionEvents = new Set<string>([
  'checkout.session.completed',
  'checkout.session.expired',
  'checkout.session.async_payment_succeeded',
  'checkout.session.async_payment_failed',
]);

/** These events decide nothing, and the shop asks Stripe. A declined card is one, but the shopper may try another. */
const askingEvents = new Set<string>([
  'payment_intent.amount_capturable_updated',
  'payment_intent.succeeded',
  'payment_intent.payment_failed',
  'payment_intent.canceled',
]);

/** @returns undefined for events that do not matter here */
export function readStripeEvent(event: Stripe.Event): StripeEvent | undefined {
  const { type, created } = event;
  const about = event.data.object;
  if (type.startsWith('charge.dispute.')) return readDispute(about as Stripe.Dispute, created);
  if (askingEvents.has(type)) return readIntent(about as Stripe.PaymentIntent);
  return sessionEvents.has(type) ? readSessionEvent(about as Stripe.Checkout.Session, type) : undefined;
}

function readSessionEvent(session: Stripe.Checkout.Session, type: string): PaymentNews | undefined {
  const orderId = session.client_reference_id;
  // The same Stripe account may also sell elsewhere.
  if (orderId === null || !idPattern.test(orderId)) return undefined;
  return {
    about: 'payment',
    orderId,
    read(charge) {
      const isOurs = charge.reference === null ? isOfOrder(session, charge) : charge.reference === session.id;
      if (!isOurs) return undefined;
      const meaning = readSession(session, charge);
      if (meaning.status !== 'pending') return meaning;
      if (type === 'checkout.session.async_payment_failed')
        return { ...meaning, status: 'failed', detail: 'The bank refused it' };
      // The page is completed and unpaid. The message only names the intent, which may be authorised.
      return { ...meaning, isToBeAsked: session.status === 'complete' };
    },
  };
}

function readIntent(intent: Stripe.PaymentIntent): PaymentNews | undefined {
  const orderId = intent.metadata?.['order_id'] ?? '';
  if (!idPattern.test(orderId)) return undefined;
  const news: SessionMeaning = { status: 'unknown', detail: `Its payment intent is ${intent.status}` };
  return { about: 'payment', orderId, read: (charge) => (isOfOrder(intent, charge) ? news : undefined) };
}

const closedInFavour = new Set<string>(['won', 'warning_closed', 'prevented']);

function readDispute(dispute: Stripe.Dispute, toldSeconds: number): DisputeNews | undefined {
  const { id, amount, reason, status, payment_intent: intent, created, evidence_details: evidence } = dispute;
  const intentId = typeof intent === 'string' ? intent : intent?.id;
  if (intentId === undefined) return undefined;
  const dueBy = evidence?.due_by ?? null;
  return {
    about: 'dispute',
    intentId,
    dispute: {
      id,
      amount,
      reason,
      state: closedInFavour.has(status)
        ? 'won'
        : status === 'lost'
          ? 'lost'
          : status.startsWith('warning_')
            ? 'inquiry'
            : 'open',
      dueBy: dueBy === null ? null : new Date(dueBy * 1_000),
      openedAt: new Date(created * 1_000),
      toldAt: new Date(toldSeconds * 1_000),
    },
  };
}
