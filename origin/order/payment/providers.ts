// The ways to pay that the settings name.
import type { Settings } from '../../config.ts';
import { Refusal } from '../../errors.ts';
import { demoProvider } from './demo.ts';
import { onDeliveryProvider } from './on-delivery.ts';
import type { PaymentProvider } from './provider.ts';
import { createStripeProvider, type StripeOptions, type StripeProvider } from './stripe.ts';

export interface PaymentProviders {
  /** In the order of the settings. */
  names: string[];
  /** The same, with what people call them. */
  offered: { id: string; name: string }[];
  /** @throws Refusal 422 `unknown-provider` */
  require(name: string): PaymentProvider;
  stripe: StripeProvider | undefined;
}

export const providerNames: Record<string, string> & Record<Settings['paymentProviders'][number], string> = {
  demo: 'Demo, no money moves',
  'on-delivery': 'On delivery',
  stripe: 'Card',
};

export function createPaymentProviders(
  settings: Settings,
  stripeServer?: StripeOptions['server'],
): PaymentProviders {
  const stripe =
    settings.stripe === undefined
      ? undefined
      : createStripeProvider({
          settings: { siteUrl: settings.siteUrl, stripe: settings.stripe },
          ...(stripeServer ? { server: stripeServer } : {}),
        });
  const all: Record<string, PaymentProvider | undefined> = {
    demo: demoProvider,
    'on-delivery': onDeliveryProvider,
    stripe,
  };
  return {
    names: settings.paymentProviders,
    offered: settings.paymentProviders.map((id) => ({ id, name: providerNames[id] })),
    stripe,
    require(name) {
      const provider = settings.paymentProviders.some((offered) => offered === name) ? all[name] : undefined;
      if (provider === undefined) {
        throw new Refusal(422, 'unknown-provider', `This shop cannot be paid by '${name}'`, {
          details: { providers: settings.paymentProviders },
        });
      }
      return provider;
    },
  };
}
