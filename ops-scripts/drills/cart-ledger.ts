// Decides from the answers of a shopper what the cart must hold: more pieces are duplicated, fewer are lost.

export interface Attempt {
  /** When the request was sent. */
  atMs: number;
  /** HTTP status; 0 if no answer came. */
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
  /** `open`: given up without a final answer. It may have been applied once or not at all. */
  outcome: 'acknowledged' | 'refused' | 'open';
}

/** The lowest and highest correct number of pieces of a variant. */
interface Expected {
  least: number;
  most: number;
  /** Every number that is possible if some operations were lost. A lost `set` to fewer pieces leaves too many. */
  withLosses: Set<number>;
}

export type ExpectedCart = Map<string, Expected>;

const none: Expected = { least: 0, most: 0, withLosses: new Set([0]) };
const mostOfLine = 99;

/**
 * Enters an operation that is final or given up. A shopper does one thing at a time, so the ledger has the order in
 * which the cart changed.
 */
export function enter(cart: ExpectedCart, { kind, variantId, quantity, outcome }: Operation): void {
  if (outcome === 'refused') return;
  const before = cart.get(variantId) ?? none;
  const apply = (pieces: number) => (kind === 'add' ? pieces + quantity : quantity);
  const [least, most] = [apply(before.least), apply(before.most)];
  const withLosses = new Set(before.withLosses);
  for (const pieces of before.withLosses) if (apply(pieces) <= mostOfLine) withLosses.add(apply(pieces));
  if (outcome === 'acknowledged') cart.set(variantId, { least, most, withLosses });
  else
    cart.set(variantId, {
      least: Math.min(before.least, least),
      most: Math.max(before.most, most),
      withLosses,
    });
}

export interface Difference {
  /** The difference from lost acknowledged operations: missing pieces, or extra pieces after a lost `set` to fewer. */
  lost: number;
  /** Pieces that no combination of losses explains. */
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

/** One sentence for each variant with a wrong number of pieces. */
export function describeDifference(expected: ExpectedCart, found: Map<string, number>): string[] {
  return [...new Set([...expected.keys(), ...found.keys()])].flatMap((variantId) => {
    const { least, most } = expected.get(variantId) ?? none;
    const pieces = found.get(variantId) ?? 0;
    if (pieces >= least && pieces <= most) return [];
    return [`variant ${variantId} has ${pieces}, not ${least === most ? least : `${least} to ${most}`}`];
  });
}

/** Every attempt of every operation, in order, for people. */
export function describeHistory(operations: readonly Operation[]): string[] {
  return operations.map(({ kind, variantId, quantity, key, outcome, attempts }) => {
    const answers = attempts.map(
      ({ atMs, status, durability, servedBy }) =>
        `${(atMs / 1_000).toFixed(2)} s ${status || 'no answer'}${durability ? ` ${durability}` : ''}${servedBy ? ` by ${servedBy}` : ''}`,
    );
    return `${kind} ${quantity} of ${variantId} [${key}] ${outcome}: ${answers.join(', then ')}`;
  });
}
