// What every way of paying can do. Providers are only called outside of transactions, and always with the order's own key.

/** The longest that one may take to answer, tries of its own included; whoever asks for the same order meanwhile waits as long. */
export const providerMs = 8_000;

export interface Charge {
  orderId: string;
  orderNumber: string;
  /** Minor units. */
  amount: number;
  currency: string;
  email: string | null;
  /** The same for every attempt of this order: the provider takes the money once. */
  idempotencyKey: string;
  wantedOutcome: string | null;
  /** Known from an earlier attempt. */
  reference: string | null;
}

export interface ChargeResult {
  /** `unknown`: it may have been taken; never treated as failed. */
  status: 'paid' | 'pending' | 'failed' | 'unknown';
  reference?: string | undefined;
  /** Where the shopper has to go to pay. */
  redirectUrl?: string | undefined;
}

export interface PaymentProvider {
  charge(charge: Charge): Promise<ChargeResult>;
  /** What became of an earlier charge with this key. */
  ask(charge: Charge): Promise<ChargeResult>;
  refund(charge: Charge): Promise<void>;
}
