// Creates the payment providers that the settings name. Two of them, demo and on delivery, are in this file.
import type { Settings } from '../../config.ts';
import { Refusal } from '../../errors.ts';
import type { PaymentProvider } from './provider.ts';
import { createStripeProvider, type StripeProvider } from './stripe.ts';

export interface PaymentProviders {
  /** The offered providers, in the order of the settings. */
  names: string[];
  /** The same providers with their names for people. */
  offered: { id: string; name: string }[];
  /** Finds the provider of a new order. @throws Refusal 422 `unknown-provider` */
  require(name: string): PaymentProvider;
  /**
   * Finds the provider of an existing order, whether offered today or not. Undefined where the settings have no keys
   * of it.
   */
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
  /** An unknown outcome turns out to be paid when it is asked for again. */
  retrieve: async ({ wantedOutcome }) => ({ status: wantedOutcome === 'declined' ? 'failed' : 'paid' }),
  refund: async () => undefined,
  payBack: async () => ({ status: 'done' }),
};

/** Pending until the parcel arrives. The reference marks that the order was confirmed. */
const onDeliveryProvider: PaymentProvider = {
  charge: async () => ({ status: 'pending', reference: 'at the door' }),
  retrieve: async () => ({ status: 'pending', reference: 'at the door' }),
  refund: async () => undefined,
  /** Staff pay back by hand or by bank transfer. */
  payBack: async () => ({ status: 'done' }),
};
