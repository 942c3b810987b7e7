// The judge finds every wrong cart and accuses no right one. It is tried on histories with a known result.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ExpectedCart, enter, type Operation } from '../../ops-scripts/drills/cart-ledger.ts';
import { type JudgedShopper, judgeCart } from '../../ops-scripts/drills/judge.ts';
import { Timeline } from '../../ops-scripts/drills/report.ts';
import { checkOneMoment, findState, type State } from '../../ops-scripts/drills/restore-customers.ts';

type Step = Pick<Operation, 'kind' | 'variantId' | 'quantity' | 'outcome'>;

const step = fc.record<Step>({
  kind: fc.constantFrom('add', 'set'),
  variantId: fc.constantFrom('1', '2', '3'),
  quantity: fc.integer({ min: 1, max: 9 }),
  outcome: fc.constantFrom('acknowledged', 'acknowledged', 'refused', 'open'),
});

const urls = ['http://a.test', 'http://b.test'];
const patienceMs = 0;

function expectedAfter(steps: Step[]): ExpectedCart {
  const expected: ExpectedCart = new Map();
  for (const one of steps) enter(expected, { ...one, key: '', attempts: [] });
  return expected;
}

/** The cart of a shop in which open operation n counts if `counts[n]` is true. */
function apply(steps: Step[], counts: boolean[]): Map<string, number> {
  const cart = new Map<string, number>();
  for (const [at, { kind, variantId, quantity, outcome }] of steps.entries()) {
    if (outcome === 'refused' || (outcome === 'open' && !counts[at])) continue;
    cart.set(variantId, kind === 'set' ? quantity : (cart.get(variantId) ?? 0) + quantity);
  }
  return cart;
}

function judge(steps: Step[], ...shown: Map<string, number>[]) {
  const judged: JudgedShopper = {
    expected: expectedAfter(steps),
    readCart: async (url) => ({
      pieces: shown[urls.indexOf(url!)] ?? shown[0]!,
      incomplete: false,
      durability: 'committed',
    }),
  };
  return judgeCart(judged, { urls, patienceMs });
}

const add = (quantity: number, outcome: Step['outcome'] = 'acknowledged'): Step => ({
  kind: 'add',
  variantId: '1',
  quantity,
  outcome,
});
const set = (quantity: number): Step => ({ kind: 'set', variantId: '1', quantity, outcome: 'acknowledged' });

test('A cart with everything that was acknowledged is right, however the unanswered operations ended', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step),
      fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }),
      async (steps, counts) => {
        expect(await judge(steps, apply(steps, counts))).toMatchObject({ lost: 0, duplicated: 0, found: [] });
      },
    ),
  );
});

test('A lost acknowledged add is counted in pieces, and its variant is named', async () => {
  const judgement = await judge([add(2), add(3)], new Map([['1', 2]]));
  expect(judgement).toMatchObject({ lost: 3, duplicated: 0 });
  expect(judgement).toMatchObject({
    found: expect.arrayContaining(['read at a.test: variant 1 has 2, not 5']),
  });
});

test('an add that counts twice is found', async () => {
  expect(await judge([add(2)], new Map([['1', 4]]))).toMatchObject({ lost: 0, duplicated: 2 });
});

test('pieces of a variant that nobody asked for are found', async () => {
  expect(await judge([add(2)], new Map(Object.entries({ 1: 2, 7: 1 })))).toMatchObject({ duplicated: 1 });
});

test('A lost set to fewer pieces is a loss, although it leaves too many', async () => {
  expect(await judge([add(9), set(4), add(1)], new Map([['1', 10]]))).toMatchObject({
    lost: 5,
    duplicated: 0,
  });
  expect(await judge([add(9), set(4), add(1)], new Map([['1', 6]]))).toMatchObject({
    lost: 0,
    duplicated: 1,
  });
});

test('Whatever operations are lost, no piece counts as duplicated', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step),
      fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }),
      async (steps, kept) => {
        const left = apply(
          steps.filter((_, at) => kept[at]),
          [],
        );
        expect(await judge(steps, left)).toMatchObject({ duplicated: 0 });
      },
    ),
  );
});

test('two sets that changed places are found', async () => {
  expect(await judge([set(9), set(4)], new Map([['1', 9]]))).toMatchObject({ lost: 5 });
  expect(await judge([set(4), set(9)], new Map([['1', 4]]))).toMatchObject({ lost: 5 });
});

test('an add that slipped behind a later set is found', async () => {
  expect(await judge([add(2), set(4)], new Map([['1', 6]]))).toMatchObject({ duplicated: 2 });
});

describe('an operation without an answer', () => {
  test.each([
    [2, 0, 0],
    [5, 0, 0],
    [8, 0, 3],
    [1, 1, 0],
  ])('may count once or not at all: %i pieces', async (pieces, lost, duplicated) => {
    expect(await judge([add(2), add(3, 'open')], new Map([['1', pieces]]))).toMatchObject({
      lost,
      duplicated,
    });
  });
});

test('One origin that shows an older cart is enough for a loss', async () => {
  const whole = new Map([['1', 5]]);
  expect(await judge([add(5)], whole, new Map([['1', 3]]))).toMatchObject({ lost: 2, duplicated: 0 });
});

test('A cart that cannot be read, or never becomes complete, is not counted as right', async () => {
  const refuses: JudgedShopper = {
    expected: expectedAfter([add(1)]),
    readCart: () => Promise.reject(new Error('503')),
  };
  expect(await judgeCart(refuses, { urls, patienceMs })).toBe('unreadable');
  const incomplete: JudgedShopper = {
    expected: expectedAfter([add(1)]),
    readCart: async () => ({ pieces: new Map([['1', 1]]), incomplete: true, durability: 'committed' }),
  };
  expect(await judgeCart(incomplete, { urls, patienceMs: 1 })).toBe('unreadable');
});

describe('A restored shop', () => {
  const order = { id: '7', lines: [] };
  const state = (atMs: number, cart: string, orders: State['orders'] = []): State => ({
    ...{ sentAtMs: atMs, acknowledgedAtMs: atMs + 10, isCommitted: true, cart, orders },
  });
  const states = [state(0, ''), state(100, '1×1'), state(200, '', [order]), state(300, '1×1', [order])];
  const backup = { beganAtMs: 150, endedAtMs: 250 };

  test('shows a state of the time of the backup', () => {
    expect(findState(states, states[1]!, backup)).toEqual({
      at: 1,
      window: { fromMs: 100, toMs: 210, lost: 0 },
    });
    expect(findState(states, states[2]!, backup)).toMatchObject({ at: 2, window: { lost: 0 } });
  });

  test('that lacks what was acknowledged before the backup has lost it', () => {
    expect(findState(states, states[0]!, backup)).toMatchObject({ at: 0, window: { lost: 1 } });
  });

  test('that shows what came after the backup, or never was, is found out', () => {
    for (const cart of ['1×1', '1×9'])
      expect(findState(states, { cart, orders: [order] }, backup)).toHaveProperty('fault');
    expect(findState(states, { cart: '', orders: [{ id: '8', lines: [] }] }, backup)).toHaveProperty('fault');
  });

  test('that shows two moments to two customers is found out', () => {
    const [early, late] = [
      { fromMs: 0, toMs: 110, lost: 0 },
      { fromMs: 100, toMs: 210, lost: 0 },
    ];
    expect(checkOneMoment([early, late])).toEqual([]);
    expect(checkOneMoment([early, { ...late, fromMs: 111 }])).toHaveLength(1);
  });
});

// A drill's timeline gives the longest gap and the time to recover. An hour of it needs no more memory than its slots.

function startTimeline() {
  let nowMs = 0;
  const timeline = new Timeline(() => nowMs);
  const at = (ms: number, status: number) => {
    nowMs = ms;
    timeline.tell(status);
  };
  const mark = (ms: number) => {
    nowMs = ms;
    timeline.mark(`at ${ms}`);
  };
  return { timeline, at, mark };
}

test('the longest gap is the longest time between two acknowledgements, whatever failed in between', () => {
  const { timeline, at } = startTimeline();
  timeline.begin();
  at(100, 200);
  at(900, 503);
  at(1_600, 0);
  at(2_100, 200);
  at(2_200, 200);
  expect(timeline.longestGapSeconds).toBe(2);
});

test('Slow answers before all shoppers have arrived are no gap', () => {
  const { timeline, at } = startTimeline();
  at(100, 200);
  at(5_000, 200);
  timeline.begin();
  at(5_300, 200);
  expect(timeline.longestGapSeconds).toBe(0.3);
});

test('recovery is counted from the first mark to the last failure, and anew once the fault has healed', () => {
  const { timeline, at, mark } = startTimeline();
  at(500, 503);
  mark(1_000);
  mark(1_500);
  at(2_500, 0);
  timeline.heal();
  at(9_000, 503);
  mark(10_000);
  at(10_500, 503);
  expect(timeline.recoverySeconds).toBe(1.5);
});

test('refusals count neither as acknowledged nor as failed', () => {
  const { timeline, at } = startTimeline();
  for (const status of [200, 422, 409, 503]) at(100, status);
  expect(timeline.failures).toEqual({ failed: 1, of: 2 });
});

test('the picture of an hour is as wide as that of a second, with its marks', () => {
  const { timeline, at, mark } = startTimeline();
  for (let second = 0; second < 3_600; second++) at(second * 1_000, 200);
  mark(1_800_000);
  const [bars, line, labels] = timeline.draw(60).split('\n');
  expect(bars).toMatch(/^ {2}█{60}$/);
  expect(line).toMatch(/^ {2}─{29,30}┴─{29,30} {2}3599 s$/);
  expect(labels).toBe('  1800.0 s at 1800000');
});
