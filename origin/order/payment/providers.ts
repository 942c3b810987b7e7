// Creates the payment providers that the settings name; two of them, demo and on delivery, stand here.
import type { Settings } from '../../config.ts';
import { Refusal } from '../../errors.ts';
import type { PaymentProvider } from './provider.ts';
import { createStripeProvider, type StripeProvider } from './stripe.ts';

export interface PaymentProviders {
  /** In the order of the settings. */
  names: string[];
  /** The same, with what people call them. */
  offered: { id: string; name: string }[];
  /** For a new order. @throws Refusal 422 `unknown-provider` */
  require(name: string): PaymentProvider;
  /** For an order that stands, offered today or not. Undefined where its keys are gone from the settings. */
  find(name: string): PaymentProvider | undefined;
  stripe: StripeProvider | undefined;
}

export const providerNames: Record<string, string> & Record<Settings['paymentProviders'][number], string> = {
  demo: 'Demo, no money moves',
  'on-delivery': 'On delivery',
  stripe: 'Card',
};

export function createPaymentProviders(settings: Settings, now: () => number = Date.now): PaymentProviders {
  const stripe =
    settings.stripe === undefined
      ? undefined
      : createStripeProvider({
          settings: { siteUrl: settings.siteUrl, stripe: settings.stripe },
          now,
        });
  const all = new Map<string, PaymentProvider | undefined>([
    ['demo', demoProvider],
    ['on-delivery', onDeliveryProvider],
    ['stripe', stripe],
  ]);
  const find = (name: string) => all.get(name);
  return {
    names: settings.paymentProviders,
    offered: settings.paymentProviders.map((id) => ({ id, name: providerNames[id] })),
    stripe,
    find,
    require(name) {
      const provider = settings.paymentProviders.some((offered) => offered === name) ? find(name) : undefined;
      if (provider === undefined) {
        throw new Refusal(422, 'unknown-provider', `This shop cannot be paid by '${name}'`, {
          details: { providers: settings.paymentProviders },
        });
      }
      return provider;
    },
  };
}

/** No money moves; the shopper chooses the outcome. */
const demoProvider: PaymentProvider = {
  async charge({ wantedOutcome }) {
    if (wantedOutcome === 'declined') return { status: 'failed' };
    return { status: wantedOutcome === 'unknown' ? 'unknown' : 'paid' };
  },
  /** Asked again, an unknown outcome turns out to have been paid. */
  retrieve: async ({ wantedOutcome }) => ({ status: wantedOutcome === 'declined' ? 'failed' : 'paid' }),
  refund: async () => undefined,
  payBack: async () => ({ status: 'done' }),
};

/** Pending until the parcel arrives. The reference marks that the order was confirmed. */
const onDeliveryProvider: PaymentProvider = {
  charge: async () => ({ status: 'pending', reference: 'at the door' }),
  retrieve: async () => ({ status: 'pending', reference: 'at the door' }),
  refund: async () => undefined,
  /** By hand, or by bank transfer: staff see to it. */
  payBack: async () => ({ status: 'done' }),
};
