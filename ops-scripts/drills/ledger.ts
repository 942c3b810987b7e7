// A shopper's own books: every operation that was meant, under which key, every answer, and what the cart must therefore hold.

export interface Attempt {
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
}

/** One shopper does one thing at a time, so the order of the books is the order of the cart. */
export function expectCart(operations: Operation[]): Map<string, Expected> {
  const cart = new Map<string, Expected>();
  for (const { kind, variantId, quantity, outcome } of operations) {
    if (outcome === 'refused') continue;
    const before = cart.get(variantId) ?? { least: 0, most: 0 };
    const after =
      kind === 'add'
        ? { least: before.least + quantity, most: before.most + quantity }
        : { least: quantity, most: quantity };
    if (outcome === 'acknowledged') cart.set(variantId, after);
    else
      cart.set(variantId, {
        least: Math.min(before.least, after.least),
        most: Math.max(before.most, after.most),
      });
  }
  return cart;
}

export interface Difference {
  /** Pieces that acknowledged operations put there and that are gone. */
  lost: number;
  /** Pieces that nobody put there. */
  duplicated: number;
}

export function compareCart(expected: Map<string, Expected>, found: Map<string, number>): Difference {
  let lost = 0;
  let duplicated = 0;
  for (const variantId of new Set([...expected.keys(), ...found.keys()])) {
    const { least, most } = expected.get(variantId) ?? { least: 0, most: 0 };
    const pieces = found.get(variantId) ?? 0;
    lost += Math.max(0, least - pieces);
    duplicated += Math.max(0, pieces - most);
  }
  return { lost, duplicated };
}
