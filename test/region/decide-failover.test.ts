// A successor is promoted only if it certainly holds every acknowledged write; tried over random histories, with a
// planted bug that must be found.
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

/**
 * Two servers that hold numbers of writes; a write is acknowledged by the primary alone while the standby is out of
 * sync.
 */
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
