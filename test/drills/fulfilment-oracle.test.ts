// The oracle of `fulfilment-under-fault` accepts what can have happened, and finds each kind of wrong order.
import { describe, expect, test } from 'vitest';
import {
  type Doings,
  judgeOrder,
  type OrderSeen,
  type PlacedPieces,
} from '../../ops-scripts/drills/fulfilment-oracle.ts';

const placed: PlacedPieces = {
  lines: [
    { variantId: '1', quantity: 2 },
    { variantId: '2', quantity: 3 },
  ],
  total: 10_000,
  isAtDoor: false,
};

const refund = { what: 'refund', amount: 6_000, restock: [{ variantId: '1', quantity: 1 }] } as const;
/** Ada refunds and ships what is left. Bob's refund is then too much. */
const doings: Doings[] = [
  {
    who: 'ada',
    deeds: [
      { deed: { ...refund, restock: [...refund.restock] }, status: 201 },
      { deed: { what: 'ship' }, status: 201 },
    ],
  },
  {
    who: 'bob',
    deeds: [
      { deed: { what: 'refund', amount: 6_000, restock: [] }, status: 422, code: 'refund-too-large' },
      { deed: { what: 'cancel' }, status: 409, code: 'already-shipped' },
    ],
  },
];

function seen(change: Partial<OrderSeen> = {}): OrderSeen {
  return {
    status: 'paid',
    fulfilment: 'shipped',
    paid: { amount: 10_000 },
    lines: [
      { variantId: '1', quantity: 2, shipped: 1, cancelled: 1, returned: 0 },
      { variantId: '2', quantity: 3, shipped: 3, cancelled: 0, returned: 0 },
    ],
    shipments: [
      {
        lines: [
          { variantId: '1', quantity: 1 },
          { variantId: '2', quantity: 3 },
        ],
      },
    ],
    refunds: [{ amount: { amount: 6_000 }, status: 'done' }],
    events: [
      { who: 'shopper', what: 'placed' },
      { who: 'stripe', what: 'paid' },
      { who: 'ada', what: 'refund-begun' },
      { who: 'ada', what: 'restocked' },
      { who: 'ada', what: 'shipped' },
      { who: 'shop', what: 'refund-unknown' },
      { who: 'shop', what: 'refunded' },
    ],
    ...change,
  };
}

test('An order that two members of the staff worked on at once is accepted where one order of the deeds explains it', () => {
  expect(judgeOrder(placed, doings, { order: seen(), paidBack: [6_000] })).toEqual({
    lost: 0,
    duplicated: 0,
    faults: [],
    restocked: [
      { variantId: '1', quantity: 1 },
      { variantId: '2', quantity: 0 },
    ],
  });
});

test('Cancelling a cancelled order is acknowledged and happens once', () => {
  const both: Doings[] = ['ada', 'bob'].map((who) => ({
    who,
    deeds: [{ deed: { what: 'cancel' }, status: 200 }],
  }));
  const order = seen({
    status: 'cancelled',
    fulfilment: 'open',
    lines: placed.lines.map((line) => ({ ...line, shipped: 0, cancelled: line.quantity, returned: 0 })),
    shipments: [],
    refunds: [{ amount: { amount: 10_000 }, status: 'done' }],
    events: [
      { who: 'bob', what: 'cancelled' },
      { who: 'shop', what: 'refund-begun' },
      { who: 'shop', what: 'refunded' },
    ],
  });
  const judged = judgeOrder(placed, both, { order, paidBack: [10_000] });
  expect(judged).toMatchObject({ lost: 0, duplicated: 0, faults: [], restocked: placed.lines });
});

const without = (what: string) => seen().events.filter((event) => event.what !== what);

describe('It is a fault that', () => {
  test.each<[string, { order?: Partial<OrderSeen>; paidBack?: number[]; doings?: Doings[] }, string]>([
    ['a parcel is lost', { order: { shipments: [], events: without('shipped') } }, 'parcels'],
    [
      'a parcel is doubled',
      { order: { shipments: [...seen().shipments, { lines: [{ variantId: '2', quantity: 1 }] }] } },
      'parcels',
    ],
    ['an event bears another name', { order: { events: [{ who: 'bob', what: 'shipped' }] } }, 'events'],
    ['the provider paid back twice', { paidBack: [6_000, 6_000] }, 'its provider paid 6000, 6000'],
    ['the provider paid nothing back', { paidBack: [] }, 'its provider paid nothing'],
    [
      'a refund is never done',
      { order: { refunds: [{ amount: { amount: 6_000 }, status: 'unknown' }], events: without('refunded') } },
      'never done',
    ],
    ['more goes back than was paid', { order: { paid: { amount: 5_000 } } }, 'owes 6000 of 5000'],
    [
      'both refunds were acknowledged',
      {
        doings: [
          doings[0]!,
          { who: 'bob', deeds: [{ deed: { what: 'refund', amount: 6_000, restock: [] }, status: 201 }] },
        ],
      },
      'no order of the deeds',
    ],
    [
      'a deed was refused that nothing forbids',
      {
        doings: [
          { who: 'ada', deeds: [{ deed: { what: 'ship' }, status: 409, code: 'already-shipped' }] },
          { who: 'bob', deeds: [] },
        ],
      },
      'no order of the deeds',
    ],
    [
      'pieces came back that nobody sent',
      { order: { lines: [{ ...seen().lines[0]!, returned: 1 }] } },
      'lines',
    ],
  ])('%s', (_, wrong, told) => {
    const { faults } = judgeOrder(placed, wrong.doings ?? doings, {
      order: seen(wrong.order),
      paidBack: wrong.paidBack ?? [6_000],
    });
    expect(faults.join('\n')).toContain(told);
  });

  test('an acknowledged deed left no event is counted as lost, one more event as doubled', () => {
    const judge = (events: OrderSeen['events']) =>
      judgeOrder(placed, doings, { order: seen({ events }), paidBack: [6_000] });
    expect(judge(without('shipped'))).toMatchObject({ lost: 1, duplicated: 0 });
    expect(judge([...seen().events, { who: 'ada', what: 'shipped' }])).toMatchObject({
      lost: 0,
      duplicated: 1,
    });
  });
});
