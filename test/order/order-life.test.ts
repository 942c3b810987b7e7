// The state machine of an order by itself: after any deeds, in any order and each twice, its money, pieces and states
// are lawful.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../origin/errors.ts';
import {
  type Deed,
  fulfilmentOf,
  type Life,
  type Pieces,
  refundedOf,
  step,
} from '../../origin/order/life/order-life.ts';
import { expectLawful, type Restocked } from './lawful-life.ts';

const day = 86_400_000;
const variants = ['1', '2'];

function aLife(change: Partial<Life> = {}): Life {
  const line = (variantId: string, quantity: number, unitPrice: number, discount = 0) => ({
    variantId,
    quantity,
    unitPrice,
    discount,
    shipped: 0,
    withdrawn: 0,
    returned: 0,
    restocked: 0,
  });
  const lines = [line('1', 3, 1_999, 192), line('2', 1, 705)];
  return {
    status: 'placed',
    payment: 'reserved',
    isAtDoor: false,
    total: 7_000,
    taken: 0,
    leftOut: 0,
    isBeingCaptured: false,
    disputed: 0,
    holdsStock: false,
    lines,
    shipments: [],
    refunds: [],
    returns: [],
    ...change,
  };
}

const paid = aLife({ status: 'paid', payment: 'paid' });
const allShipped = live(paid, { what: 'ship' });

/** Gives new rows ids, as Postgres would. */
function nameNew(life: Life): Life {
  for (const rows of [life.shipments, life.refunds, life.returns])
    for (const [at, row] of rows.entries()) if (row.id === '') row.id = String(at + 1);
  const newest = life.refunds.at(-1)?.id ?? null;
  for (const returned of life.returns) if (returned.refundId === '') returned.refundId = newest;
  return life;
}

function live(life: Life, ...deeds: Deed[]): Life {
  return deeds.reduce((now, deed) => nameNew(step(now, deed).next), life);
}

/** @returns the code of the refusal, or the life after the deed */
function attempt(life: Life, deed: Deed): string | Life {
  try {
    return nameNew(step(life, deed).next);
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
}

const quantity = fc.integer({ min: 1, max: 3 });
const somePieces: fc.Arbitrary<Pieces[]> = fc.array(
  fc.record({ variantId: fc.constantFrom(...variants), quantity }),
  { minLength: 1, maxLength: 2 },
);
const id = fc.constantFrom('1', '2', '3');
const anyDeed: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({
    what: fc.constant('payment' as const),
    to: fc.constantFrom(
      'pending' as const,
      'authorised' as const,
      'paid' as const,
      'failed' as const,
      'unknown' as const,
    ),
  }),
  fc.record({ what: fc.constant('take-money' as const), amount: fc.constantFrom(1, 3_500, 7_000) }),
  fc.constant({ what: 'cancel' as const }),
  fc.record({ what: fc.constant('ship' as const), lines: fc.option(somePieces, { nil: undefined }) }),
  fc.record({ what: fc.constant('deliver' as const), shipment: id, atMs: fc.constantFrom(0, 9 * day) }),
  fc.record({
    what: fc.constant('request-return' as const),
    lines: somePieces,
    nowMs: fc.constantFrom(10 * day, 16 * day),
    returnDays: fc.constant(14),
  }),
  fc.record({
    what: fc.constant('receive-return' as const),
    id,
    lines: fc.array(fc.record({ variantId: fc.constantFrom(...variants), quantity, restock: fc.boolean() }), {
      maxLength: 2,
    }),
  }),
  fc.record({ what: fc.constant('refuse-return' as const), id }),
  fc.record({
    what: fc.constant('refund' as const),
    amount: fc.constantFrom(1, 1_999, 7_000),
    restock: fc.oneof(fc.constant<Pieces[]>([]), somePieces),
  }),
  fc.record({
    what: fc.constant('refund-outcome' as const),
    refund: id,
    to: fc.constantFrom('pending' as const, 'done' as const, 'unknown' as const),
  }),
);

test('Any deeds in any order, each of them twice, leave money, pieces and states lawful', () => {
  const begins = fc.constantFrom(
    aLife(),
    aLife({ isAtDoor: true, payment: 'pending' }),
    aLife({ payment: 'authorised' }),
    paid,
    { ...paid, disputed: 5_000 },
    allShipped,
  );
  fc.assert(
    fc.property(begins, fc.array(anyDeed, { maxLength: 14 }), (begin, deeds) => {
      const back: Restocked = new Map();
      let life = begin;
      for (const deed of deeds.flatMap((one) => [one, one])) {
        const before = structuredClone(life);
        try {
          const { next, changed, stockBack } = step(life, deed);
          if (!changed) expect({ next, stockBack }).toEqual({ next: life, stockBack: [] });
          for (const piece of stockBack)
            back.set(piece.variantId, (back.get(piece.variantId) ?? 0) + piece.quantity);
          expect(life).toEqual(before);
          life = nameNew(next);
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
        }
        expectLawful(life, back);
      }
    }),
    { numRuns: 800 },
  );
});

describe('An order', () => {
  test('that is cancelled while its payment is unclear keeps its pieces until the money is known', () => {
    for (const payment of ['pending', 'unknown'] as const) {
      const { next, stockBack } = step(aLife({ payment }), { what: 'cancel' });
      expect([next.status, next.holdsStock, stockBack]).toEqual(['cancelled', true, []]);
      const came = step(next, { what: 'payment', to: 'paid' });
      expect(came.stockBack).toEqual([
        { variantId: '1', quantity: 3 },
        { variantId: '2', quantity: 1 },
      ]);
      expect([came.next.status, refundedOf(came.next)]).toEqual(['cancelled', 7_000]);
      const never = step(next, { what: 'payment', to: 'failed' });
      expect([never.stockBack.length, refundedOf(never.next)]).toEqual([2, 0]);
    }
  });

  test('is shipped in parts, and delivered when the last parcel has arrived', () => {
    const first = live(paid, { what: 'ship', lines: [{ variantId: '1', quantity: 2 }] });
    expect(fulfilmentOf(first)).toBe('partly-shipped');
    expect(attempt(first, { what: 'cancel' })).toBe('already-shipped');
    expect(attempt(first, { what: 'ship', lines: [{ variantId: '1', quantity: 2 }] })).toBe(
      'shipment-too-large',
    );
    const second = live(first, { what: 'ship' }, { what: 'deliver', shipment: '1', atMs: day });
    expect(second.shipments[1]!.lines).toEqual([
      { variantId: '1', quantity: 1 },
      { variantId: '2', quantity: 1 },
    ]);
    expect(fulfilmentOf(second)).toBe('shipped');
    expect(attempt(second, { what: 'ship' })).toBe('already-shipped');
    expect(fulfilmentOf(live(second, { what: 'deliver', shipment: '2', atMs: day }))).toBe('delivered');
  });

  test('that comes back in parts is paid back to the cent, with delivery when all is back', () => {
    let life = live(allShipped, { what: 'deliver', shipment: '1', atMs: 0 });
    for (const [at, pieces] of [
      ['1', [{ variantId: '1', quantity: 1 }]],
      ['2', [{ variantId: '1', quantity: 2 }]],
      ['3', [{ variantId: '2', quantity: 1 }]],
    ] as const) {
      const lines = pieces.map((line) => ({ ...line, restock: true }));
      life = live(
        life,
        { what: 'request-return', lines: [...pieces], nowMs: 14 * day, returnDays: 14 },
        { what: 'receive-return', id: at, lines },
      );
    }
    // Three pieces cost €59.97 less €1.92, the other one costs €7.05, and delivery €4.90.
    expect(life.refunds.map(({ amount }) => amount)).toEqual([1_935, 3_870, 1_195]);
    expect(refundedOf(life)).toBe(7_000);
  });

  test('takes pieces back for as long as the settings say, from the last delivery on', () => {
    const asked: Deed = {
      what: 'request-return',
      lines: [{ variantId: '1', quantity: 1 }],
      nowMs: 14 * day + 1,
      returnDays: 14,
    };
    const arrived = live(allShipped, { what: 'deliver', shipment: '1', atMs: 0 });
    expect(attempt(paid, asked)).toBe('not-shipped');
    expect(attempt(allShipped, asked)).toBeTypeOf('object');
    expect(attempt(arrived, asked)).toBe('too-late');
    expect(attempt(arrived, { ...asked, nowMs: 14 * day })).toBeTypeOf('object');
  });
});
