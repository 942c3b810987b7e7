// Postgres and Redis in small: what each statement and script does, atomic, with answers that may be lost before or after the effect.
import { type CartContents, emptyCart } from '../../../origin/cart/cart-contents.ts';
import type { JournalledOperation } from '../../../origin/cart/replay-journal.ts';
import { applyToCarts, type CartTask } from '../../../origin/cart/server/apply-to-carts.ts';
import type { CartCopies, CopyUpdate } from '../../../origin/cart/server/cart-copies.ts';
import type { RunSql } from '../../../origin/cart/server/cart-statements.ts';
import { type CommittedTask, PostgresSilent } from '../../../origin/cart/server/cart-writer.ts';
import type { JournalAppend } from '../../../origin/cart/server/journal.ts';
import { publishCopies } from '../../../origin/cart/server/publish-copies.ts';
import type { ServerStores } from '../../../origin/cart/server/server-stores.ts';
import { unavailable } from '../../../origin/errors.ts';

export type Bug =
  | 'op-id-dropped'
  | 'version-ignored'
  | 'trimmed-before-commit'
  | 'trims-all'
  | 'ack-before-wait'
  | 'journal-reordered'
  | 'poisoned-client'
  | 'version-forgotten'
  | 'fill-blind-to-journal'
  | 'fill-unjudged'
  | 'ack-without-answer';

export type Answer = 'ok' | 'lost-before' | 'lost-after';

/**
 * 64 in the shop. Here a journal outgrows them, but not what others commit while one operation waits for its answer: the other browser's
 * four, and the operation itself.
 */
const idsOfACopy = 5;

interface Node {
  copy: { contents: CartContents; ids: string[] } | undefined;
  journal: JournalledOperation[];
}

export interface Model {
  stores: ServerStores;
  postgres: { up: boolean; contents: CartContents; ids: Map<string, string> };
  redis: { up: boolean; primary: Node; replica: Node | undefined };
  answers: () => Answer;
}

export function openModel(pause: () => Promise<void>, answers: () => Answer, bug?: Bug): Model {
  const blank = (): Node => ({ copy: undefined, journal: [] });
  const model = {
    postgres: { up: true, contents: emptyCart, ids: new Map<string, string>() },
    redis: { up: true, primary: blank(), replica: blank() as Node | undefined },
    answers,
  } as Model;
  const appliedIn = new Map<string, number>();
  let poisoned = false;

  const run: RunSql = async ({ name, values }) => {
    const answer = model.answers();
    await pause();
    if (!model.postgres.up || answer === 'lost-before') {
      poisoned = bug === 'poisoned-client';
      throw new PostgresSilent('lost');
    }
    const result = execute(name, values);
    if (answer === 'lost-after') throw new PostgresSilent('lost');
    return result;
  };
  const execute = (name: string, values: unknown[]): unknown[] => {
    const { contents, ids } = model.postgres;
    const row = {
      version: contents.version || null,
      generation: 1,
      lines: contents.lines,
      direct_sets: contents.directSets,
      merged_into: null,
      account_id: null,
    };
    if (name === 'read-carts') return [{ ...row, known: Object.fromEntries(ids) }];
    if (name === 'read-cart-in-full') {
      // As the statement orders them: of one version in any order, so here in the worst.
      const operations = [...ids]
        .map(([opId, fingerprint]) => ({ opId, fingerprint }))
        .sort((a, b) => appliedIn.get(b.opId)! - appliedIn.get(a.opId)!)
        .slice(0, idsOfACopy);
      const known = (values[1] as string[]).filter((id) => ids.has(id) && bug !== 'fill-blind-to-journal');
      return contents.version === 0 ? [] : [{ ...row, operations, known }];
    }
    const [[cartId], , [before], [version], [lines], [sets], , , opIds, fingerprints] = values as never as [
      string[],
      boolean[],
      number[],
      number[],
      string[],
      string[],
      0,
      0,
      string[],
      string[],
    ];
    if (bug !== 'version-ignored' && (before !== contents.version || opIds.some((id) => ids.has(id))))
      return [];
    if (poisoned) {
      poisoned = false;
      return [{ id: cartId }];
    }
    model.postgres.contents = {
      version: version!,
      generation: 1,
      lines: JSON.parse(lines!),
      directSets: JSON.parse(sets!),
    };
    if (bug !== 'op-id-dropped') {
      for (const [i, id] of opIds.entries()) {
        ids.set(id, fingerprints[i]!);
        appliedIn.set(id, version!);
      }
    }
    return [{ id: cartId }];
  };

  const copies: CartCopies = {
    async read() {
      await pause();
      if (!model.redis.up) return undefined;
      const { copy, journal } = model.redis.primary;
      const ids = new Set(copy?.ids);
      return {
        copy: copy && { contents: copy.contents, merged: false, has: (id) => ids.has(id) },
        journal: [...journal],
      };
    },
    async save(updates) {
      await pause();
      if (!model.redis.up) return undefined;
      return updates.map((update) => save(model.redis.primary, update));
    },
  };
  const save = (node: Node, { cart, versionBefore, operations, drained, judged }: CopyUpdate) => {
    const held = node.copy?.contents.version ?? -1;
    if (held < cart.contents.version) {
      if (versionBefore !== 'full' && versionBefore !== held) return 'operations-missing' as const;
      const unjudged = node.journal.some((one) => judged !== undefined && !judged.includes(one.opId));
      if (unjudged && bug !== 'fill-unjudged') return 'operations-missing' as const;
      const older = versionBefore === 'full' ? [] : (node.copy?.ids ?? []);
      const newest = operations.slice(0, idsOfACopy).map((one) => one.opId);
      node.copy = { contents: cart.contents, ids: [...newest, ...older].slice(0, idsOfACopy) };
    }
    node.journal = bug === 'trims-all' ? [] : node.journal.filter((one) => !drained.includes(one.opId));
    return { journal: [...node.journal] };
  };
  const append = async ({ operation, madeOn }: JournalAppend) => {
    const answer = model.answers();
    await pause();
    if (!model.redis.up || answer === 'lost-before') {
      if (bug === 'ack-without-answer') return { outcome: 'journalled' as const, version: madeOn };
      throw unavailable('lost');
    }
    const node = model.redis.primary;
    const version = Math.max(madeOn, node.copy?.contents.version ?? 0);
    if (node.copy?.ids.includes(operation.opId)) {
      return { outcome: 'applied' as const, version: bug === 'version-forgotten' ? 0 : version };
    }
    if (!node.journal.some((one) => one.opId === operation.opId)) {
      const entry = { ...operation, madeOn: version };
      node.journal = bug === 'journal-reordered' ? [entry, ...node.journal] : [...node.journal, entry];
    }
    if (bug !== 'ack-before-wait') {
      if (model.redis.replica === undefined || answer === 'lost-after') throw unavailable('WAIT was short');
      model.redis.replica = structuredClone(node);
    }
    return { outcome: 'journalled' as const, version };
  };
  const apply = async (task: CartTask): Promise<CommittedTask> => {
    if (bug === 'trimmed-before-commit') model.redis.primary.journal = [];
    for (let round = 0; round < 4; round += 1) {
      const [applied] = await applyToCarts(run, [task]);
      if (applied?.kind === 'applied') {
        const left = publishCopies(copies, run, [applied.update]).then((map) => map?.get(task.cartId));
        return { ...applied, left };
      }
    }
    throw new PostgresSilent('busy');
  };
  model.stores = {
    postgres: { isAway: () => !model.postgres.up },
    read: run,
    writer: { apply },
    copies,
    journal: { append },
  } as never;
  return model;
}
