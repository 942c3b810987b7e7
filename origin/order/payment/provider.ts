// Defines the interface of payment providers, and how long an order is held unpaid: 40 minutes.
// Providers are called only outside of transactions, always with the order's idempotency key.

/**
 * The longest time that a provider may take to answer, including its own retries. Other requests for the same order
 * wait as long.
 */
export const providerMs = 8_000;

/** How long an order holds its pieces without being paid; a provider's own page closes at the same time. */
export const holdMinutes = 40;

export interface Charge {
  orderId: string;
  /** Random, so that no other order has it, in no other shop and in no other lineage of this database. */
  orderNumber: string;
  /** Minor units. */
  amount: number;
  currency: string;
  /** The same for every attempt of this order, so that the provider takes the money once. */
  idempotencyKey: string;
  /** The request as `prepare` made it, so that each attempt sends the same one. Null once it is no longer needed. */
  request: unknown;
  /** When the provider's page closes; null where there is none. */
  expiresAt: Date | null;
  wantedOutcome: string | null;
  /** The provider's id of the payment, if an earlier attempt returned it. */
  reference: string | null;
  /** How much of an authorised payment is to be taken, in minor units. */
  toCapture: number;
}

export interface ChargeResult {
  /**
   * `unknown`: the money may have been taken, so it is never treated as failed. `authorised`: it is still to be
   * captured.
   */
  status: 'paid' | 'pending' | 'failed' | 'unknown' | 'authorised';
  reference?: string | undefined;
  /** The page on which the shopper pays. */
  redirectUrl?: string | undefined;
  /** Why it failed or is unclear; for staff. */
  detail?: string | undefined;
}

/** The data of an order that a provider's request is made from. */
export interface PreparedFrom {
  orderId: string;
  orderNumber: string;
  amount: number;
  currency: string;
  email: string | null;
  /** The database's lineage in which the order was placed. */
  lineage: string;
  expiresAt: Date;
}

export interface PaymentProvider {
  /** The totals that the provider accepts, in minor units. */
  bounds?: { min: number; max: number };
  /** Makes an order's request once, in the transaction that places it. Must not call the provider. */
  prepare?(order: PreparedFrom): unknown;
  /** Makes the first attempt. @throws where there was no answer; the money may have been taken */
  charge(charge: Charge): Promise<ChargeResult>;
  /** Retrieves the outcome of an earlier charge with this key. @throws where there was no answer */
  retrieve(charge: Charge): Promise<ChargeResult>;
  /** Refunds the whole payment that arrived too late. */
  refund(charge: Charge): Promise<void>;
  /**
   * Refunds a paid order in part or in whole, once for each key. @throws where there was no answer; the money may
   * have left
   */
  payBack(charge: Charge, refund: RefundRequest): Promise<RefundResult>;
  /** Takes the money of an authorised payment, once. @throws where there was no answer; it may have been taken */
  capture?(charge: Charge): Promise<ChargeResult>;
  /**
   * Closes the page on which a cancelled order could still be paid, or releases the authorisation. The caller then
   * retrieves the outcome.
   */
  close?(charge: Charge): Promise<void>;
}

export interface RefundRequest {
  /** Minor units. */
  amount: number;
  /** The same for each attempt. */
  key: string;
  /** An attempt was made before, so the provider is first asked whether it knows the refund. */
  isRepeated: boolean;
}

export interface RefundResult {
  /** `unknown`: the money may leave, or the provider has refused it; staff see the reason. */
  status: 'done' | 'pending' | 'unknown';
  reference?: string | undefined;
  detail?: string | undefined;
}
