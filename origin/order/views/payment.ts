// Renders the choice of payment, and says wherever the demo provider is shown that it moves no money.
import { raw } from 'hono/html';
import type { FormFaults, FormValues } from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';

interface Choice {
  /** As posted: provider, and for the demo what shall come of it. */
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

/** Of an order that the demo paid; beside other ways to pay it would be wrong. */
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

/** Said by the schema of one of the parts that the form has in one choice. */
export function gatherPaymentFaults({ provider, outcome, ...faults }: FormFaults): FormFaults {
  return provider === undefined && outcome === undefined ? faults : { ...faults, payment: paymentFault };
}

/** @returns what the form's choice means to the order. */
export function readPayment(values: FormValues): { provider: string; outcome?: string } {
  const [provider = '', outcome] = (values['payment'] ?? '').split(':', 2);
  return outcome === undefined ? { provider } : { provider, outcome };
}

/** The first provider of the settings is the shop's own preference. */
function firstOf(offered: Choice[], providers: string[]): Choice | undefined {
  return offered.find(({ provider }) => provider === providers[0]);
}
