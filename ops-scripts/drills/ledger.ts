// A shopper's ledger: every cart operation with its key and answers, and the cart contents that follow from them.

export interface Attempt {
  /** When it was sent. */
  atMs: number;
  /** HTTP status; 0 where no answer came. */
  status: number;
  durability?: string | undefined;
  servedBy?: string | undefined;
}

export interface Operation {
  key: string;
  kind: 'add' | 'set';
  variantId: string;
  quantity: number;
  attempts: Attempt[];
  /** `open`: given up without a final answer; it may have been applied once, or not. */
  outcome: 'acknowledged' | 'refused' | 'open';
}

/** Least and most pieces of a variant that are right. */
export interface Expected {
  least: number;
  most: number;
  /**
   * What could stand there had any of the operations been lost: a `set` to fewer pieces that is gone leaves too many.
   */
  withLosses: Set<number>;
}

export type ExpectedCart = Map<string, Expected>;

const none: Expected = { least: 0, most: 0, withLosses: new Set([0]) };
const mostPieces = 99;

/**
 * Enters an operation whose outcome is final, or given up. One shopper does one thing at a time, so the order of the
 * ledger is the order
 * of the cart.
 */
export function enter(cart: ExpectedCart, { kind, variantId, quantity, outcome }: Operation): void {
  if (outcome === 'refused') return;
  const before = cart.get(variantId) ?? none;
  const apply = (pieces: number) => (kind === 'add' ? pieces + quantity : quantity);
  const [least, most] = [apply(before.least), apply(before.most)];
  const withLosses = new Set(before.withLosses);
  for (const pieces of before.withLosses) if (apply(pieces) <= mostPieces) withLosses.add(apply(pieces));
  if (outcome === 'acknowledged') cart.set(variantId, { least, most, withLosses });
  else
    cart.set(variantId, {
      least: Math.min(before.least, least),
      most: Math.max(before.most, most),
      withLosses,
    });
}

export interface Difference {
  /** Pieces by which acknowledged operations are gone: too few, or too many where a `set` to fewer is gone. */
  lost: number;
  /** Pieces that nobody put there, whatever was lost. */
  duplicated: number;
}

export function compareCart(expected: ExpectedCart, found: Map<string, number>): Difference {
  let lost = 0;
  let duplicated = 0;
  for (const variantId of new Set([...expected.keys(), ...found.keys()])) {
    const { least, most, withLosses } = expected.get(variantId) ?? none;
    const pieces = found.get(variantId) ?? 0;
    if (pieces < least) lost += least - pieces;
    else if (pieces > most && withLosses.has(pieces)) lost += pieces - most;
    else if (pieces > most) duplicated += pieces - most;
  }
  return { lost, duplicated };
}

/** One sentence a variant that is not as it must be. */
export function describeDifference(expected: ExpectedCart, found: Map<string, number>): string[] {
  return [...new Set([...expected.keys(), ...found.keys()])].flatMap((variantId) => {
    const { least, most } = expected.get(variantId) ?? none;
    const pieces = found.get(variantId) ?? 0;
    if (pieces >= least && pieces <= most) return [];
    return [`variant ${variantId} has ${pieces}, not ${least === most ? least : `${least} to ${most}`}`];
  });
}

/** For people: every attempt of every operation, in order. */
export function describeHistory(operations: readonly Operation[]): string[] {
  return operations.map(({ kind, variantId, quantity, key, outcome, attempts }) => {
    const answers = attempts.map(
      ({ atMs, status, durability, servedBy }) =>
        `${(atMs / 1_000).toFixed(2)} s ${status || 'no answer'}${durability ? ` ${durability}` : ''}${servedBy ? ` by ${servedBy}` : ''}`,
    );
    return `${kind} ${quantity} of ${variantId} [${key}] ${outcome}: ${answers.join(', then ')}`;
  });
}
