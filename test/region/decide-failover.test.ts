// Only a successor that certainly has every acknowledged write is promoted: random histories, and a planted bug to
// find.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decideFailover, type LossOfPrimary } from '../../ops-scripts/region/failover.ts';

type Step = 'write' | 'standby falls silent' | 'standby catches up' | 'standby dies' | 'primary is lost';

const steps = fc.array(
  fc.constantFrom<Step>(
    'write',
    'standby falls silent',
    'standby catches up',
    'standby dies',
    'primary is lost',
  ),
  { maxLength: 30 },
);

/** Two servers that count writes. While the standby is out of sync, the primary alone acknowledges a write. */
function acknowledgedIsKept(
  history: Step[],
  decide: (loss: LossOfPrimary) => 'promote' | 'restart',
): boolean {
  let [primaryHas, standbyHas, acknowledged] = [0, 0, 0];
  let [successorInSync, successorAnswers] = [true, true];
  for (const step of history) {
    if (step === 'write') {
      primaryHas++;
      if (successorInSync && successorAnswers) standbyHas = primaryHas;
      acknowledged = primaryHas;
    } else if (step === 'standby falls silent') successorInSync = false;
    else if (step === 'standby catches up') {
      [standbyHas, successorInSync, successorAnswers] = [primaryHas, true, true];
    } else if (step === 'standby dies') [successorInSync, successorAnswers] = [false, false];
    else if (decide({ successorAnswers, successorInSync }) === 'promote') {
      if (!successorAnswers || standbyHas < acknowledged) return false;
      [primaryHas, successorInSync] = [standbyHas, false];
    }
  }
  return true;
}

test('Whatever happens to the standby before the primary is lost, no acknowledged write is lost', () => {
  fc.assert(fc.property(steps, (history) => acknowledgedIsKept(history, decideFailover)));
});

test('The test finds the bug of promoting any standby that answers', () => {
  const careless = ({ successorAnswers }: LossOfPrimary) => (successorAnswers ? 'promote' : 'restart');
  const found = fc.check(fc.property(steps, (history) => acknowledgedIsKept(history, careless)));
  expect(found.failed).toBe(true);
});
