// Renders the choice of payment and describes a payment's state. The demo provider's texts say that no money moves.
import { raw } from 'hono/html';
import type { FormFaults, FormValues } from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import { providerNames } from '../payment/providers.ts';
import type { OrderDetail } from '../read-orders.ts';

interface Choice {
  /** The posted value: the provider, and for the demo also the outcome. */
  value: string;
  provider: string;
  title: string;
  text: string;
}

const choices: Choice[] = [
  {
    value: 'on-delivery',
    provider: 'on-delivery',
    title: 'On delivery',
    text: 'Pay when the parcel is in your hands.',
  },
  { value: 'stripe', provider: 'stripe', title: 'Card', text: 'Through Stripe.' },
  {
    value: 'demo:paid',
    provider: 'demo',
    title: 'Demo: is paid',
    text: 'A trial payment that succeeds. No money moves.',
  },
  {
    value: 'demo:declined',
    provider: 'demo',
    title: 'Demo: is declined',
    text: 'See what a refused payment looks like. No money moves.',
  },
  {
    value: 'demo:unknown',
    provider: 'demo',
    title: 'Demo: stays unclear',
    text: 'The provider does not answer, and we go on asking. No money moves.',
  },
];

/** Shown only on an order that the demo paid. Beside other ways to pay it would be wrong. */
export const demoSentence = 'This is a demonstration: no money moves and nothing is sent.';

const paymentFault = 'Please choose one of these.';

export function paymentChoices(providers: string[], values: FormValues, faults: FormFaults = {}): Html {
  const offered = choices.filter((choice) => providers.includes(choice.provider));
  const preferred = offered.find(({ value }) => value === values['payment']) ?? firstOf(offered, providers);
  const isWrong = faults['payment'] !== undefined;
  return html`<fieldset class="step"><legend>Payment</legend>
${isWrong ? html`<p class="wrong" id="payment-fault">${paymentFault}</p>` : ''}
${providers.includes('demo') ? html`<p class="notice good">A demo payment is for trying the shop out: no money moves.</p>` : ''}
${offered.map(
  (choice, index) =>
    html`<label class="radio"><input type="radio"${raw(index === 0 ? ' id="payment"' : '')} name="payment" value="${choice.value}" required${raw(isWrong ? ' aria-describedby="payment-fault"' : '')}${raw(choice === preferred ? ' checked' : '')}><span><b>${choice.title}</b><br><span class="soft">${choice.text}</span></span></label>`,
)}</fieldset>`;
}

/** Joins faults of the provider and the outcome, because the form has both in one choice. */
export function gatherPaymentFaults({ provider, outcome, ...faults }: FormFaults): FormFaults {
  return provider === undefined && outcome === undefined ? faults : { ...faults, payment: paymentFault };
}

/** @returns the order's payment for the form's choice */
export function readPayment(values: FormValues): { provider: string; outcome?: string } {
  const [provider = '', outcome] = (values['payment'] ?? '').split(':', 2);
  return outcome === undefined ? { provider } : { provider, outcome };
}

/** Finds the shop's preferred choice: that of the first provider in the settings. */
function firstOf(offered: Choice[], providers: string[]): Choice | undefined {
  return offered.find(({ provider }) => provider === providers[0]);
}

// Words for the state of a payment. For the demo provider they say that no money moves.

export interface PaymentInWords {
  heading: string;
  sentence: string;
  /** For the order summary. */
  short: string;
  isGood: boolean;
  /** Whether a confirmation was mailed. */
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
