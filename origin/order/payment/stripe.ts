// Stripe Checkout: the shopper pays on Stripe's page; a verified webhook, or asking, tells what became of it.
import type Stripe from 'stripe';
import type { Settings } from '../../config.ts';
import { idPattern } from '../../web/api/api.ts';
import { type Charge, type ChargeResult, type PaymentProvider, providerMs } from './provider.ts';

export interface StripeOptions {
  settings: Pick<Settings, 'siteUrl'> & { stripe: NonNullable<Settings['stripe']> };
  /** Another server for tests. */
  server?: { host: string; port: number; protocol: 'http' };
}

export interface StripeEvent {
  orderId: string;
  result: ChargeResult;
  /** Minor units; undefined where the session has none. */
  amount: number | undefined;
}

export interface StripeProvider extends PaymentProvider {
  /** @returns undefined for events that do not matter here. @throws where the signature is not Stripe's. */
  readEvent(body: string, signature: string): Promise<StripeEvent | undefined>;
}

/** Twice, with a pause between. */
const timeoutMs = providerMs / 2 - 500;

export function createStripeProvider({ settings, server }: StripeOptions): StripeProvider {
  // The SDK is large and most shops of this kind start without it: it is loaded when it is first needed.
  let client: Promise<Stripe> | undefined;
  const connect = () => (client ??= loadStripe(settings.stripe.secretKey, server));
  const openSession = async (charge: Charge) =>
    (await connect()).checkout.sessions.create(
      {
        mode: 'payment',
        client_reference_id: charge.orderId,
        ...(charge.email ? { customer_email: charge.email } : {}),
        line_items: [
          {
            quantity: 1,
            price_data: {
              currency: charge.currency.toLowerCase(),
              unit_amount: charge.amount,
              product_data: { name: `Order ${charge.orderNumber}` },
            },
          },
        ],
        success_url: `${settings.siteUrl}/orders/${charge.orderId}`,
        cancel_url: `${settings.siteUrl}/orders/${charge.orderId}`,
      },
      { idempotencyKey: charge.idempotencyKey },
    );
  return {
    charge: async (charge) => toResult(await openSession(charge)),
    async ask(charge) {
      // Without a reference the answer to the first attempt was lost: the same key leads to the same session.
      const session = charge.reference
        ? await (await connect()).checkout.sessions.retrieve(charge.reference)
        : await openSession(charge);
      return toResult(session);
    },
    async refund(charge) {
      if (charge.reference === null) throw new Error('Cannot refund a payment without its reference');
      const stripe = await connect();
      const session = await stripe.checkout.sessions.retrieve(charge.reference);
      const intent =
        typeof session.payment_intent === 'string' ? session.payment_intent : session.payment_intent?.id;
      if (intent === undefined) throw new Error('Cannot refund a payment that took no money');
      await stripe.refunds.create(
        { payment_intent: intent },
        { idempotencyKey: `${charge.idempotencyKey}-refund` },
      );
    },
    async readEvent(body, signature) {
      // The async form works on every runtime: it stands on Web Crypto.
      const { webhooks } = await connect();
      const event = await webhooks.constructEventAsync(body, signature, settings.stripe.webhookSecret);
      if (!event.type.startsWith('checkout.session.')) return undefined;
      const session = event.data.object as Stripe.Checkout.Session;
      const orderId = session.client_reference_id;
      // The same Stripe account may sell elsewhere, too.
      if (orderId === null || !idPattern.test(orderId)) return undefined;
      const refused = event.type === 'checkout.session.async_payment_failed';
      const result = toResult(session);
      return {
        orderId,
        result: refused ? { ...result, status: 'failed' } : result,
        amount: session.amount_total ?? undefined,
      };
    },
  };
}

async function loadStripe(secretKey: string, server: StripeOptions['server']): Promise<Stripe> {
  const { default: Client } = await import('stripe');
  return new Client(secretKey, { timeout: timeoutMs, maxNetworkRetries: 1, telemetry: false, ...server });
}

function toResult(session: Stripe.Checkout.Session): ChargeResult {
  const status =
    session.payment_status === 'unpaid' ? (session.status === 'expired' ? 'failed' : 'pending') : 'paid';
  return { status, reference: session.id, redirectUrl: session.url ?? undefined };
}
