// The timeline of a drill tells the longest gap and the time to recover, and an hour of it takes no more room than its
// slots.
import { expect, test } from 'vitest';
import { Timeline } from '../../ops-scripts/drills/timeline.ts';

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

test('what was slow before shoppers had arrived is no gap', () => {
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
