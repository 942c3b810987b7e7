// Words for the state of a payment; for the demo provider, that no money moves.
import { providerNames } from '../payment/providers.ts';
import type { OrderDetail } from '../read-orders.ts';
import { demoSentence } from './payment.ts';

export interface PaymentInWords {
  heading: string;
  sentence: string;
  /** For the summary. */
  short: string;
  isGood: boolean;
  /** A mail went out. */
  isConfirmed: boolean;
}

export function describePayment({
  order,
  flag,
  wasCancelled,
}: Pick<OrderDetail, 'order' | 'flag'> & { wasCancelled: boolean }): PaymentInWords {
  const { provider, status } = order.payment;
  const demo = provider === 'demo' ? ` ${demoSentence}` : '';
  const way = providerNames[provider] ?? provider;
  const say = (heading: string, sentence: string, short: string, isGood: boolean): PaymentInWords => ({
    heading,
    sentence: sentence + demo,
    short: `${short} (${way})`,
    isGood,
    isConfirmed:
      order.status !== 'cancelled' &&
      (status === 'paid' ||
        status === 'authorised' ||
        (provider === 'on-delivery' && order.status === 'placed')),
  });
  if (flag !== null) {
    return say(
      'Your money comes back',
      'It arrived after the order had ended, so it is paid back.',
      'Paid back',
      false,
    );
  }
  if (order.status === 'cancelled' && (wasCancelled || status === 'paid')) return sayCancelled(order, say);
  const moved = movedSentences[order.fulfilment];
  if (moved !== undefined) {
    const [heading, sentence] = moved;
    return say(heading, sentence, status === 'paid' ? 'Paid' : 'Due', true);
  }
  if (status === 'paid')
    return say('Thank you', 'It is paid. A confirmation is on its way by mail.', 'Paid', true);
  if (status === 'authorised' && order.status !== 'cancelled')
    return say(
      'Thank you',
      'Your card is authorised, and charged when your parcel leaves. A confirmation is on its way by mail.',
      'Authorised',
      true,
    );
  if (status === 'failed') {
    return say(
      'Not paid',
      'The payment was refused, so nothing was ordered and nothing is owed.',
      'Refused',
      false,
    );
  }
  if (status === 'unknown') {
    return say(
      'Nearly there',
      'We do not know yet whether the payment went through. The pieces are kept for you, and we go on asking; please do not pay again.',
      'Unclear',
      true,
    );
  }
  if (order.status === 'cancelled')
    return say('Not paid in time', 'The order has ended; nothing is owed.', 'Ended', false);
  if (provider === 'on-delivery') {
    return say(
      'Thank you',
      'You pay when the parcel is in your hands. A confirmation is on its way by mail.',
      'Due',
      true,
    );
  }
  const wait =
    order.payment.redirectUrl === undefined
      ? 'The payment is being made.'
      : 'The pieces are kept for you until it is paid.';
  return say('Nearly there', wait, 'Open', true);
}

type Say = (heading: string, sentence: string, short: string, isGood: boolean) => PaymentInWords;

const movedSentences: Record<string, [heading: string, sentence: string]> = {
  'partly-shipped': ['Partly on its way', 'A part of your order has left our shop; the rest follows.'],
  shipped: ['On its way', 'Your order has left our shop.'],
  delivered: ['Delivered', 'Your order has arrived.'],
};

function sayCancelled({ paid, payment, refunds }: OrderDetail['order'], say: Say): PaymentInWords {
  if (['pending', 'authorised', 'unknown'].includes(payment.status))
    return say(
      'Order cancelled',
      'Nothing will be sent. If your payment still comes through, we pay it back at once.',
      'Unclear',
      true,
    );
  if (paid.amount === 0)
    return say('Order cancelled', 'Nothing will be sent, and nothing is owed.', 'Nothing owed', true);
  const isBack = refunds.every(({ status }) => status === 'done');
  const sentence = isBack
    ? 'Nothing will be sent. Your money was paid back by the way that you paid.'
    : 'Nothing will be sent. Your money is on its way back to you.';
  return say('Order cancelled', sentence, isBack ? 'Paid back' : 'Comes back', true);
}
