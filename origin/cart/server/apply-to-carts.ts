// Applies one batch of cart writes: reads the carts, decides, and writes those that have not changed since.
// The others are reported busy.
import type { CartContents } from '../cart-contents.ts';
import type { CartOutcome, WaitingOperation } from '../check-operation.ts';
import { type Decision, decideCart, type JournalledOperation } from '../decide-batch.ts';
import type { CopyUpdate } from './cart-copies.ts';
import { type CartRow, type RunSql, readCartRows, writeCarts } from './cart-statements.ts';

export interface CartTask {
  cartId: string;
  /** The operations in the cart's journal, in order. They apply before `waiting`. */
  journal: JournalledOperation[];
  waiting: WaitingOperation[];
}

export type Applied =
  /** The operations are committed in Postgres. `update` is what the copy must learn. */
  | { kind: 'applied'; outcomes: CartOutcome[]; update: CopyUpdate }
  /**
   * The guest's cart was merged into an account's, and nothing was applied. Its journal goes there, its cookie does
   * not.
   */
  | { kind: 'merged'; into: string; version: number }
  /** Another transaction locked or changed the cart just now. */
  | { kind: 'busy' };

/**
 * Remembers carts as this process last wrote them, which saves a read. The write statement refuses an outdated entry
 * by its version.
 */
export interface CartMemory {
  get(cartId: string): CartContents | undefined;
  set(cartId: string, contents: CartContents): unknown;
  delete(cartId: string): unknown;
}

interface Decided {
  task: CartTask;
  row: CartRow;
  decision: Decision;
}

/**
 * @param tasks at most one for each cart
 * @param memory if absent, every cart is read
 * @returns one for each task, in their order
 * @throws whatever the statements throw; the outcome of every task is then unknown
 */
export async function applyToCarts(run: RunSql, tasks: CartTask[], memory?: CartMemory): Promise<Applied[]> {
  const guessed = tasks.map((task) => guess(task, memory));
  const toRead = tasks.filter((_, index) => guessed[index] === undefined);
  const read = await decideByReading(run, toRead);
  const decisions = guessed.map((decided) => decided ?? read.shift()!);
  const writes = decisions
    .filter(({ row, decision }) => row.mergedInto === undefined && decision.changed)
    .map(({ task, row, decision }) => ({
      cartId: task.cartId,
      scope: task.cartId,
      exists: row.exists,
      versionBefore: row.contents.version,
      contents: decision.contents,
      recorded: decision.recorded,
    }))
    .sort((a, b) => (a.cartId < b.cartId ? -1 : 1));
  const written = writes.length === 0 ? new Set<string>() : await writeCarts(run, writes);
  for (const { cartId, contents } of writes) {
    if (written.has(cartId)) memory?.set(cartId, contents);
    else memory?.delete(cartId);
  }

  return decisions.map(({ task, row, decision }): Applied => {
    if (row.mergedInto !== undefined) {
      return { kind: 'merged', into: row.mergedInto, version: row.contents.version };
    }
    if (decision.changed && !written.has(task.cartId)) return { kind: 'busy' };
    return {
      kind: 'applied',
      outcomes: decision.outcomes,
      update: {
        cartId: task.cartId,
        cart: { contents: decision.contents, merged: false },
        operations: decision.recorded.toReversed(),
        drained: decision.drained,
        ...whatCameBefore(row, decision),
      },
    };
  });
}

/** A cart that was just created has only these operations, so its copy can be written without reading it. */
function whatCameBefore(row: CartRow, decision: Decision): Pick<CopyUpdate, 'versionBefore' | 'judged'> {
  if (row.exists || !decision.changed) return { versionBefore: row.contents.version };
  return { versionBefore: 'full', judged: decision.drained };
}

/** Decides from memory, but only where every operation seems new. Postgres then confirms the guess by the write. */
function guess(task: CartTask, memory: CartMemory | undefined): Decided | undefined {
  const contents = task.journal.length === 0 ? memory?.get(task.cartId) : undefined;
  if (contents === undefined) return undefined;
  const known = new Map<string, string>();
  const decision = decideCart(contents, known, [], task.waiting);
  if (decision.recorded.length < task.waiting.length) return undefined;
  return {
    task,
    row: { contents, exists: true, mergedInto: undefined, accountId: undefined, known },
    decision,
  };
}

async function decideByReading(run: RunSql, tasks: CartTask[]): Promise<Decided[]> {
  if (tasks.length === 0) return [];
  const asked = tasks.map((task) => ({ cartId: task.cartId, scope: task.cartId, opIds: opIdsOf(task) }));
  const rows = await readCartRows(run, asked);
  return tasks.map((task, index) => {
    const row = rows[index]!;
    return { task, row, decision: decideCart(row.contents, row.known, task.journal, task.waiting) };
  });
}

function opIdsOf(task: CartTask): string[] {
  return [...task.journal, ...task.waiting].map((operation) => operation.opId);
}
