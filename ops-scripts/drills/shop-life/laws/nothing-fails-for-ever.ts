// What failed is tried again later and later, never without end; what is due gets done, and a mail server that is unwell is left in peace.
import { type OpenWork, readOpenWork } from './ask-outbox.ts';
import { defineLaw } from './law.ts';

/** RFC 5321, 4.5.4.1: tries lie 30 minutes or more apart; this life lasts no longer than a few of them. */
const leastPauseSeconds = 25 * 60;
const lateSeconds = 15;

export const nothingFailsForEver = defineLaw<OpenWork[]>({
  name: 'nothing-fails-for-ever',
  gather: readOpenWork,
  judge: (work) => work.filter(({ state }) => state === 'pending').flatMap(judgeOne),
  patienceMs: 20_000,
});

function judgeOne({ id, kind, to, fate, attempt, failure, dueInSeconds }: OpenWork): string[] {
  const what = `${kind} ${id}${to === null ? '' : ` to ${to}, whose server ${fate}`}`;
  const isUnwell = fate === 'refuses for now' || fate === 'hangs' || fate === 'stalls';
  if (kind === 'mail' && isUnwell) {
    const waits = failure !== null && dueInSeconds < leastPauseSeconds && attempt > 0;
    return waits
      ? [`${what} is tried again in ${Math.round(dueInSeconds)} s, after ${attempt} attempts`]
      : [];
  }
  if (failure !== null) return [`${what} failed ${attempt} times: ${failure}`];
  return dueInSeconds < -lateSeconds ? [`${what} has been due for ${Math.round(-dueInSeconds)} s`] : [];
}
