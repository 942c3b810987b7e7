// Law: failed outbox rows are retried at growing intervals and end; due rows get done; failing mail servers are spared.
import { isHeldInDoubt, type OpenWork, readOpenWork } from './ask-outbox.ts';
import { defineLaw } from './law.ts';

/** RFC 5321, 4.5.4.1: tries lie 30 minutes or more apart. */
const leastPauseSeconds = 25 * 60;
const lateSeconds = 15;
export const nothingFailsForEver = defineLaw<OpenWork[]>({
  name: 'nothing-fails-for-ever',
  gather: readOpenWork,
  judge: (work) => work.filter(({ state }) => state === 'pending').flatMap(judgeOne),
  patienceMs: 20_000,
});

function judgeOne(work: OpenWork): string[] {
  const { id, kind, to, fate, failures, failure, dueInSeconds, deferredSeconds } = work;
  const what = `${kind} ${id}${to === null ? '' : ` to ${to}, whose server ${fate}`}`;
  if (kind === 'mail' && (fate === 'refuses for now' || fate === 'hangs' || fate === 'stalls')) {
    if (failure === null) return [];
    const pauseSeconds = (deferredSeconds ?? 0) / Math.max(1, failures);
    return pauseSeconds >= leastPauseSeconds
      ? []
      : [`${what} failed ${failures} times and is tried each ${Math.round(pauseSeconds)} s: ${failure}`];
  }
  if (failure !== null) return [`${what} failed ${failures} times: ${failure}`];
  if (isHeldInDoubt(work)) return [];
  return dueInSeconds < -lateSeconds ? [`${what} has been due for ${Math.round(-dueInSeconds)} s`] : [];
}
