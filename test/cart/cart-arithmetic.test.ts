// The arithmetic of a cart, checked against a book-keeper with one rule: each acknowledged request counts once, in
// order.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addAllLines, type CartContents, emptyCart, opMarkOf } from '../../origin/cart/cart-contents.ts';
import type { CartOutcome, WaitingOperation } from '../../origin/cart/check-operation.ts';
import { decideCart, type JournalledOperation, replayJournal } from '../../origin/cart/decide-batch.ts';
import { pieces } from './support/cart-world.ts';

type Decide = typeof decideCart;

const variantId = fc.integer({ min: 1, max: 4 }).map(String);
const operation = fc.record({
  opId: fc.integer({ min: 1, max: 12 }).map((id) => `op-${id}`),
  kind: fc.constantFrom('add' as const, 'set' as const),
  variantId,
  quantity: fc.integer({ min: 1, max: 60 }),
});
const batches = fc.array(fc.array(operation, { minLength: 1, maxLength: 5 }), { maxLength: 8 });

/**
 * Decides every request in its batch, some of them repeated. The book-keeper applies each acknowledged request the
 * first time.
 */
function countsEachOnce(decide: Decide) {
  return fc.property(batches, (requests) => {
    let contents: CartContents = emptyCart;
    const known = new Map<string, string>();
    const book: Record<string, number> = {};
    const seen = new Map<string, string>();
    for (const batch of requests) {
      const waiting = batch.map((one): WaitingOperation => ({ ...one, fingerprint: JSON.stringify(one) }));
      const decision = decide(contents, known, [], waiting);
      for (const [index, one] of waiting.entries()) {
        expect(decision.outcomes[index]).toBe(expectedOutcome(book, seen, one));
        if (decision.outcomes[index] !== 'applied' || seen.has(one.opId)) continue;
        seen.set(one.opId, one.fingerprint);
        book[one.variantId] = one.quantity + (one.kind === 'add' ? (book[one.variantId] ?? 0) : 0);
      }
      for (const { opId, fingerprint } of decision.recorded) known.set(opId, fingerprint);
      expect(decision.contents.version).toBe(contents.version + (decision.changed ? 1 : 0));
      contents = decision.contents;
    }
    expect(pieces(contents)).toEqual(book);
  });
}

function expectedOutcome(
  book: Record<string, number>,
  seen: Map<string, string>,
  one: WaitingOperation,
): CartOutcome {
  if (seen.has(one.opId)) return seen.get(one.opId) === one.fingerprint ? 'applied' : 'reused';
  const quantity = one.quantity + (one.kind === 'add' ? (book[one.variantId] ?? 0) : 0);
  return quantity > 99 ? 'line-limit' : 'applied';
}

test('each acknowledged request counts once and in order, however requests are gathered, repeated or refused', () => {
  fc.assert(countsEachOnce(decideCart), { numRuns: 500 });
});

const planted: Record<string, Decide> = {
  'op ids are not recorded': (...input) => ({ ...decideCart(...input), recorded: [] }),
  'a repetition in the same batch is not seen': (base, known, journal, waiting) => {
    let decision = decideCart(base, known, journal, []);
    const outcomes: CartOutcome[] = [];
    const recorded: typeof decision.recorded = [];
    for (const one of waiting) {
      decision = decideCart({ ...decision.contents, version: base.version }, known, [], [one]);
      outcomes.push(...decision.outcomes);
      recorded.push(...decision.recorded);
    }
    return { ...decision, outcomes, recorded, changed: recorded.length > 0 };
  },
  'the same op id with another body counts as the same': (base, known, journal, waiting) => {
    const trusting = new Map(
      [...known].map(([opId, fingerprint]) => {
        const same = waiting.find((one) => one.opId === opId);
        return [opId, same?.fingerprint ?? fingerprint] as const;
      }),
    );
    return decideCart(base, trusting, journal, waiting);
  },
  'an add replaces the quantity': (base, known, journal, waiting) =>
    decideCart(
      base,
      known,
      journal,
      waiting.map((one) => ({ ...one, kind: 'set' })),
    ),
  'the version does not move': (base, ...rest) => {
    const decision = decideCart(base, ...rest);
    return { ...decision, contents: { ...decision.contents, version: base.version } };
  },
};

describe('the book-keeper notices when', () => {
  for (const [bug, decide] of Object.entries(planted)) {
    test(bug, () => {
      expect(fc.check(countsEachOnce(decide), { numRuns: 500 }).failed).toBe(true);
    });
  }
});

const journalOf = fc
  .uniqueArray(operation, { selector: (one) => one.opId, maxLength: 8 })
  .map((entries) =>
    entries.map((one): JournalledOperation => ({ ...one, fingerprint: one.opId, madeOn: 3 })),
  );

type Replay = typeof replayJournal;

/**
 * A journal that is drained in two parts, the first of them uncertain before, gives the same cart as one drained at
 * once.
 */
function drainsInAnyParts(replay: Replay) {
  return fc.property(journalOf, fc.nat(8), (journal, cut) => {
    const base: CartContents = { ...emptyCart, version: 3, lines: [{ variantId: '1', quantity: 2 }] };
    const whole = replay(base, () => false, journal).contents;
    const first = replay(base, () => false, journal.slice(0, cut));
    const drained = new Set(first.fresh.map((one) => one.opId));
    const rest = replay({ ...first.contents, version: 4 }, (opId) => drained.has(opId), journal);
    expect(pieces(rest.contents)).toEqual(pieces(whole));
  });
}

test('a journal drained in parts, with parts repeated, makes the same cart as all at once', () => {
  fc.assert(drainsInAnyParts(replayJournal), { numRuns: 500 });
});

test('an op id dropped on replay is noticed', () => {
  const forgetful: Replay = (base, _baseHas, journal) => replayJournal(base, () => false, journal);
  expect(fc.check(drainsInAnyParts(forgetful), { numRuns: 500 }).failed).toBe(true);
});

test('a journalled set is passed over only where its line was set later by another operation', () => {
  const set: JournalledOperation = {
    opId: 'journalled',
    kind: 'set',
    variantId: '1',
    quantity: 5,
    fingerprint: '',
    madeOn: 3,
  };
  const base = (version: number, opId: string): CartContents => ({
    version: 6,
    generation: 1,
    lines: [{ variantId: '1', quantity: 9 }],
    directSets: { '1': [version, opMarkOf(opId)] },
  });
  const quantityAfter = (contents: CartContents, has: (opId: string) => boolean = () => false) =>
    pieces(replayJournal(contents, has, [set]).contents)['1'];
  expect(quantityAfter(base(4, 'other'))).toBe(9);
  expect(quantityAfter(base(3, 'other'))).toBe(5);
  // The set that precedes it in the journal was committed after all. It still counts as the older one.
  const both = [{ ...set, opId: 'in-doubt', quantity: 9 }, set];
  const replayed = replayJournal(base(4, 'in-doubt'), (opId) => opId === 'in-doubt', both);
  expect(pieces(replayed.contents)).toEqual({ '1': 5 });
});

test('a merge adds every piece and loses no line', () => {
  const lines = fc.uniqueArray(fc.record({ variantId, quantity: fc.integer({ min: 1, max: 99 }) }), {
    selector: (line) => line.variantId,
  });
  fc.assert(
    fc.property(lines, lines, (mine, theirs) => {
      const sum: Record<string, number> = {};
      for (const line of [...mine, ...theirs])
        sum[line.variantId] = (sum[line.variantId] ?? 0) + line.quantity;
      expect(pieces({ lines: addAllLines(mine, theirs) })).toEqual(sum);
    }),
  );
});
