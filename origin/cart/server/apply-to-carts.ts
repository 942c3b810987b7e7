// One gathered write: read the carts, decide, write those that did not change meanwhile. Who is left out comes back.
import { decideCart, type Outcome, type WaitingOperation } from '../decide-batch.ts';
import type { JournalledOperation } from '../replay-journal.ts';
import type { CopyUpdate } from './cart-copies.ts';
import { type RunSql, readCartRows, writeCarts } from './cart-statements.ts';

export interface CartTask {
  cartId: string;
  /** What stands in the cart's journal, in order; goes before `waiting`. */
  journal: JournalledOperation[];
  waiting: WaitingOperation[];
}

export type Applied =
  /** In Postgres, committed. `update` is what the copy must learn. */
  | { kind: 'applied'; outcomes: Outcome[]; update: CopyUpdate }
  /** The guest's cart went to an account's; nothing was applied. Its journal follows it, its cookie does not. */
  | { kind: 'merged'; into: string; version: number }
  /** Locked or changed by somebody else just now. */
  | { kind: 'busy' };

/**
 * @param tasks at most one for each cart
 * @returns one for each task, in their order
 * @throws whatever the statements throw; then nothing is known of any task
 */
export async function applyToCarts(run: RunSql, tasks: CartTask[]): Promise<Applied[]> {
  const rows = await readCartRows(
    run,
    tasks.map((task) => ({ cartId: task.cartId, scope: task.cartId, opIds: opIdsOf(task) })),
  );
  const decisions = tasks.map((task, index) => {
    const row = rows[index]!;
    return { task, row, decision: decideCart(row.state, row.known, task.journal, task.waiting) };
  });
  const writes = decisions
    .filter(({ row, decision }) => row.mergedInto === undefined && decision.changed)
    .map(({ task, row, decision }) => ({
      cartId: task.cartId,
      scope: task.cartId,
      exists: row.exists,
      versionBefore: row.state.version,
      state: decision.state,
      recorded: decision.recorded,
    }))
    .sort((a, b) => (a.cartId < b.cartId ? -1 : 1));
  const written = writes.length === 0 ? new Set<string>() : await writeCarts(run, writes);

  return decisions.map(({ task, row, decision }): Applied => {
    if (row.mergedInto !== undefined) {
      return { kind: 'merged', into: row.mergedInto, version: row.state.version };
    }
    if (decision.changed && !written.has(task.cartId)) return { kind: 'busy' };
    return {
      kind: 'applied',
      outcomes: decision.outcomes,
      update: {
        cartId: task.cartId,
        cart: { state: decision.state, merged: false },
        versionBefore: row.state.version,
        operations: decision.recorded,
        drained: decision.drained,
      },
    };
  });
}

function opIdsOf(task: CartTask): string[] {
  return [...task.journal, ...task.waiting].map((operation) => operation.opId);
}
