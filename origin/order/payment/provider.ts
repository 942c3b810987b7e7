// The interface of payment providers, and how long an order is held unpaid. Providers are called only outside of
// transactions, always with the order's idempotency key.

/**
 * The longest that one may take to answer, tries of its own included; whoever asks for the same order meanwhile waits
 * as long.
 */
export const providerMs = 8_000;

/** How long an order holds its pieces without being paid; a provider's own page closes at the same time. */
export const holdMinutes = 40;

export interface Charge {
  orderId: string;
  /** Random: no other order has it, in no other shop and no other history of this database. */
  orderNumber: string;
  /** Minor units. */
  amount: number;
  currency: string;
  /** The same for every attempt of this order: the provider takes the money once. */
  idempotencyKey: string;
  /**
   * As `prepare` made it: sent again it is the same request, whatever changed meanwhile. Null once it is needed no
   * more.
   */
  request: unknown;
  /** When the provider's page closes; null where there is none. */
  expiresAt: Date | null;
  wantedOutcome: string | null;
  /** Known from an earlier attempt. */
  reference: string | null;
  /** Of an authorised payment: what is to be taken of it, in minor units. */
  toCapture: number;
}

export interface ChargeResult {
  /** `unknown`: it may have been taken, so it is never treated as failed. `authorised`: to be captured. */
  status: 'paid' | 'pending' | 'failed' | 'unknown' | 'authorised';
  reference?: string | undefined;
  /** Where the shopper has to go to pay. */
  redirectUrl?: string | undefined;
  /** Why it failed or cannot be told; for staff. */
  detail?: string | undefined;
}

/** What is known of an order before its provider is called. */
export interface PreparedFrom {
  orderId: string;
  orderNumber: string;
  amount: number;
  currency: string;
  email: string | null;
  /** The history of the database in which the order was placed. */
  lineage: string;
  expiresAt: Date;
}

export interface PaymentProvider {
  /** The totals that it takes, in minor units. */
  bounds?: { min: number; max: number };
  /** Makes the request of an order once, in the transaction that places it. Calls nobody. */
  prepare?(order: PreparedFrom): unknown;
  /** The first attempt. @throws where there was no answer: the money may have been taken */
  charge(charge: Charge): Promise<ChargeResult>;
  /** Retrieves the outcome of an earlier charge with this key. @throws where there was no answer */
  retrieve(charge: Charge): Promise<ChargeResult>;
  /** The whole of what came too late. */
  refund(charge: Charge): Promise<void>;
  /** A part or the whole of a paid order, once for each key. @throws where there was no answer: it may have gone out */
  payBack(charge: Charge, refund: RefundRequest): Promise<RefundResult>;
  /** Takes the money of an authorised payment, once. @throws where there was no answer: it may have been taken */
  capture?(charge: Charge): Promise<ChargeResult>;
  /**
   * Closes the page on which a cancelled order could still be paid, or releases what was authorised. What became of it
   * is then to be retrieved.
   */
  close?(charge: Charge): Promise<void>;
}

export interface RefundRequest {
  /** Minor units. */
  amount: number;
  /** The same for each attempt. */
  key: string;
  /** An attempt was made before: the provider is asked whether it knows it. */
  isRepeated: boolean;
}

export interface RefundResult {
  /** `unknown`: it may go out, or the provider has refused it; staff see the reason. */
  status: 'done' | 'pending' | 'unknown';
  reference?: string | undefined;
  detail?: string | undefined;
}
