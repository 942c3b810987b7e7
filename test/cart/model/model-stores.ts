// Small models of Postgres and Redis: what each statement and script does, atomically. Answers may be lost before or
// after the effect.
import { type CartContents, emptyCart } from '../../../origin/cart/cart-contents.ts';
import { decideCart, type JournalledOperation } from '../../../origin/cart/decide-batch.ts';
import { applyToCarts, type CartTask } from '../../../origin/cart/server/apply-to-carts.ts';
import type { CartCopies, CopyUpdate } from '../../../origin/cart/server/cart-copies.ts';
import type { RunSql } from '../../../origin/cart/server/cart-statements.ts';
import { type CommittedTask, PostgresSilent } from '../../../origin/cart/server/cart-writer.ts';
import {
  createHeldOperations,
  type HeldOperations,
  readWholeJournal,
  refuseWhileLacking,
} from '../../../origin/cart/server/held-operations.ts';
import type { Appended, JournalAppend } from '../../../origin/cart/server/journal.ts';
import { publishCommit } from '../../../origin/cart/server/publish-copies.ts';
import type { ServerStores } from '../../../origin/cart/server/server-stores.ts';
import type { HeldStores } from '../../../origin/cart/server/tend-held.ts';
import type { NamedCart } from '../../../origin/cart/server/view-cart.ts';
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
  | 'ack-without-answer'
  | 'forgotten-on-ack'
  | 're-appended-after-commit'
  | 'replayed-into-next-generation'
  | 'not-handed-over'
  | 'place-forgotten';

export type Answer = 'ok' | 'lost-before' | 'lost-after';

/**
 * A copy names 64 ids in the shop. Here a journal may hold more than a copy names. What others commit during one
 * operation still fits: the other browser's four operations, and the operation itself.
 */
const idsOfACopy = 5;

interface Node {
  copy: { contents: CartContents; ids: string[] } | undefined;
  journal: JournalledOperation[];
  sequence: number;
  birth: number | undefined;
}

/** An origin between the stores, with the operations that it holds in memory. */
export interface Origin {
  stores: ServerStores & HeldStores;
  alive: boolean;
  /** Told to stop. Its answers still count. */
  stopping: boolean;
  /** The number of running requests. */
  busy: number;
}

export interface Model {
  origins: Origin[];
  /** The stores of the first origin. */
  stores: ServerStores;
  postgres: {
    up: boolean;
    contents: CartContents;
    ids: Map<string, string>;
    /** The version in which each op id was applied. */
    appliedIn: Map<string, number>;
    /** Pieces that were ordered. */
    ordered: Record<string, number>;
  };
  redis: { up: boolean; process: number; primary: Node; replica: Node | undefined };
  answers: () => Answer;
}

export function blankNode(): Node {
  return { copy: undefined, journal: [], sequence: 0, birth: undefined };
}

export function openModel(pause: () => Promise<void>, answers: () => Answer, bug?: Bug): Model {
  const appliedIn = new Map<string, number>();
  const model = {
    postgres: { up: true, contents: emptyCart, ids: new Map<string, string>(), appliedIn, ordered: {} },
    redis: { up: true, process: 1, primary: blankNode(), replica: blankNode() as Node | undefined },
    answers,
  } as Model;
  let poisoned = false;
  let births = 0;
  const homeOf = (node: Node) => `${model.redis.process} ${node.birth}`;
  const bear = (node: Node) => {
    node.birth ??= ++births;
    return node;
  };

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
      generation: contents.generation,
      lines: contents.lines,
      direct_sets: contents.directSets,
      merged_into: null,
      account_id: null,
    };
    if (name === 'read-carts') return [{ ...row, known: Object.fromEntries(ids) }];
    if (name === 'read-cart-in-full') {
      // The statement orders operations of one version arbitrarily, so the model takes the worst order.
      const operations = [...ids]
        .map(([opId, fingerprint]) => ({ opId, fingerprint }))
        .sort((a, b) => (appliedIn.get(b.opId) ?? 0) - (appliedIn.get(a.opId) ?? 0))
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
      generation: contents.generation,
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
      const { copy, journal } = bear(model.redis.primary);
      const ids = new Set(copy?.ids);
      return {
        copy: copy && { contents: copy.contents, merged: false, has: (id) => ids.has(id) },
        journal: [...journal],
        home: homeOf(model.redis.primary),
        // In the shop this is a time long enough for each origin to notice.
        refilling: model.origins.some(({ stores }) =>
          stores.held.all().some(({ home }) => home !== homeOf(model.redis.primary)),
        ),
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
  const append = async ({ operation, madeOn, after = 0, again }: JournalAppend): Promise<Appended> => {
    const answer = model.answers();
    await pause();
    if (!model.redis.up || answer === 'lost-before') {
      const nowhere = { version: madeOn, sequence: after + 1, madeOn, home: undefined };
      if (bug === 'ack-without-answer') return { outcome: 'journalled', ...nowhere };
      throw unavailable('lost');
    }
    const node = bear(model.redis.primary);
    const home = homeOf(node);
    const version = Math.max(madeOn, node.copy?.contents.version ?? 0);
    if (node.copy?.ids.includes(operation.opId)) {
      const newest = bug === 'version-forgotten' ? 0 : version;
      return { outcome: 'applied', version: newest, sequence: 0, madeOn: version, home };
    }
    const place = bug === 'place-forgotten' ? undefined : again?.sequence;
    const next = Math.max(node.sequence, bug === 'place-forgotten' ? 0 : after) + 1;
    node.sequence = place === undefined ? next : Math.max(node.sequence, place);
    let there = node.journal.find((one) => one.opId === operation.opId);
    if (there === undefined) {
      there = { ...operation, madeOn: again ? madeOn : version, sequence: place ?? next };
      const inOrder = [...node.journal, there].sort((a, b) => a.sequence! - b.sequence!);
      node.journal = bug === 'journal-reordered' ? [there, ...node.journal] : inOrder;
      if (again !== undefined && (node.copy?.ids.length ?? 0) >= idsOfACopy) node.copy = undefined;
    }
    if (bug !== 'ack-before-wait') {
      if (model.redis.replica === undefined || answer === 'lost-after') throw unavailable('WAIT was short');
      model.redis.replica = structuredClone(node);
    }
    return { outcome: 'journalled', version, sequence: there.sequence!, madeOn: there.madeOn, home };
  };
  const homesOf = async (cartIds: string[]) => {
    await pause();
    if (!model.redis.up) throw unavailable('lost');
    return cartIds.map(() => homeOf(model.redis.primary));
  };
  const openOrigin = (): Origin => {
    const held = createHeldOperations();
    if (bug === 'forgotten-on-ack') held.hold = () => undefined;
    if (bug === 're-appended-after-commit') held.release = () => undefined;
    const stores = {
      postgres: { isAway: () => !model.postgres.up },
      read: run,
      write: run,
      writer: { apply: (task: CartTask) => apply(held, task) },
      copies,
      journal: { append, homesOf },
      held,
    } as never;
    return { stores, alive: true, stopping: false, busy: 0 };
  };
  const apply = async (held: HeldOperations, task: CartTask): Promise<CommittedTask> => {
    if (bug === 'trimmed-before-commit') model.redis.primary.journal = [];
    for (let round = 0; round < 4; round += 1) {
      const [applied] = await applyToCarts(run, [task]);
      if (applied?.kind === 'applied') {
        const publishing = { copies, held, read: run };
        const left = publishCommit(publishing, [applied.update]).then((map) => map?.get(task.cartId));
        return { ...applied, left };
      }
    }
    throw new PostgresSilent('busy');
  };
  model.origins = [openOrigin(), openOrigin()];
  model.stores = model.origins[0]!.stores;
  return model;
}

interface Checkout {
  model: Model;
  origin: Origin;
  cart: NamedCart;
  pause: () => Promise<void>;
  bug: Bug | undefined;
}

/**
 * Simulates a checkout: freezes the cart with its whole journal, ends its generation, and updates the copy after the
 * commit.
 */
export async function placeOrder({ model, origin: { stores }, cart, pause, bug }: Checkout): Promise<void> {
  const whole = await readWholeJournal(stores, cart);
  const { journal } = whole;
  await refuseWhileLacking(stores.read, cart.cartId, whole);
  const answer = model.answers();
  await pause();
  const { postgres } = model;
  if (!postgres.up || answer === 'lost-before') throw new PostgresSilent('lost');
  const decision = decideCart(postgres.contents, postgres.ids, journal, []);
  for (const { variantId, quantity } of decision.contents.lines)
    postgres.ordered[variantId] = (postgres.ordered[variantId] ?? 0) + quantity;
  const { version, generation } = postgres.contents;
  const next = { version: version + 2, generation: generation + 1, lines: [], directSets: {} };
  postgres.contents = next;
  for (const { opId, fingerprint } of decision.recorded) {
    postgres.ids.set(opId, fingerprint);
    postgres.appliedIn.set(opId, next.version);
  }
  if (bug === 'replayed-into-next-generation') postgres.ids = new Map();
  if (answer === 'lost-after') throw new PostgresSilent('lost');
  const update = {
    cartId: cart.cartId,
    cart: { contents: next, merged: false },
    versionBefore: version,
    operations: decision.recorded.toReversed(),
    drained: decision.drained,
  };
  await publishCommit(stores, [update]);
}
