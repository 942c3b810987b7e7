// The connection to Stripe: its SDK, loaded when it is first needed, and what its errors mean.
import type Stripe from 'stripe';
import type { Settings } from '../../config.ts';
import { providerMs } from './provider.ts';
import type { SessionMeaning } from './stripe-session.ts';

export type StripeKeys = NonNullable<Settings['stripe']>;
export type ConnectStripe = () => Promise<Stripe>;

/** Twice, with a pause between. */
const timeoutMs = providerMs / 2 - 500;

/** The SDK is large and most shops of this kind start without it. */
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

/** The SDK's types for requests that Stripe did not carry out, whatever is repeated. */
const refusals = new Set(['StripeInvalidRequestError', 'StripeIdempotencyError', 'StripeCardError']);
/** Said before the request is looked at: they tell nothing of an earlier attempt. */
const refusalsOfKey = new Set(['StripeAuthenticationError', 'StripePermissionError']);

type Told = Partial<Record<'type' | 'code' | 'param' | 'message', string>>;

/** @throws the error, where it does not say that nothing was carried out */
export function toRefusal(error: unknown, { isFirst }: { isFirst: boolean }): SessionMeaning {
  const { type, code, param, message } = error as Told;
  const isRefusal = refusals.has(String(type)) || (isFirst && refusalsOfKey.has(String(type)));
  if (!isRefusal) throw error;
  const what = [code, param].filter(Boolean).join(', ');
  return { status: 'failed', detail: `Stripe refused it${what ? ` (${what})` : ''}: ${message}` };
}
