// Applies a merged guest cart's late operations to the account's cart, once; their ids are recorded under the guest's
// cart.
import { type CartContents, changeLines } from '../cart-contents.ts';
import { decideCart } from '../decide-batch.ts';
import type { JournalledOperation } from '../replay-journal.ts';
import type { CopyUpdate } from './cart-copies.ts';
import { type RunSql, readCartRows, writeCarts } from './cart-statements.ts';

interface LateOperations {
  guestCartId: string;
  guestVersion: number;
  /** The account's cart. */
  into: string;
  journal: JournalledOperation[];
}

/**
 * @returns what the copies of both carts must learn; undefined where the account's cart is busy: try again
 */
export async function followMerged(
  run: RunSql,
  { guestCartId, guestVersion, into, journal }: LateOperations,
): Promise<CopyUpdate[] | undefined> {
  const opIds = journal.map((operation) => operation.opId);
  const [row] = await readCartRows(run, [{ cartId: into, scope: guestCartId, opIds }]);
  // The account's cart is gone with the account; what was meant for it is gone as well.
  const unknown = journal.filter(({ opId }) => !row!.known.has(opId));
  const late = row!.exists ? asAdditions(row!.contents, unknown) : [];
  const decision = decideCart(row!.contents, row!.known, late, []);
  if (decision.changed) {
    const written = await writeCarts(run, [
      {
        cartId: into,
        scope: guestCartId,
        exists: true,
        versionBefore: row!.contents.version,
        contents: decision.contents,
        recorded: decision.recorded,
      },
    ]);
    if (!written.has(into)) return undefined;
  }
  const guest = { version: guestVersion, generation: 1, lines: [], directSets: {} };
  return [
    {
      cartId: into,
      cart: { contents: decision.contents, merged: false },
      versionBefore: row!.contents.version,
      operations: [],
      drained: [],
    },
    {
      cartId: guestCartId,
      cart: { contents: guest, merged: true },
      versionBefore: 'full',
      operations: [],
      drained: opIds,
    },
  ];
}

/**
 * The guest's versions say nothing about the account's lines, so a late `set` cannot take pieces away there: it
 * raises the line to its quantity where there are fewer.
 */
function asAdditions(base: CartContents, journal: JournalledOperation[]): JournalledOperation[] {
  let lines = base.lines;
  return journal.map((operation) => {
    const present = lines.find((line) => line.variantId === operation.variantId)?.quantity ?? 0;
    const quantity =
      operation.kind === 'add' ? operation.quantity : Math.max(0, operation.quantity - present);
    const addition: JournalledOperation = { ...operation, kind: 'add', quantity };
    lines = changeLines(lines, addition);
    return addition;
  });
}
