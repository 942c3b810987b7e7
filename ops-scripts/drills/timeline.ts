// What shoppers got over time: gaps without an acknowledged write, recovery after a fault, and a picture for the terminal.
import type { Attempt } from './ledger.ts';

export interface Mark {
  atMs: number;
  label: string;
}

const isAcknowledged = (attempt: Attempt) => attempt.status >= 200 && attempt.status < 300;
/** No answer, or one that says to come back. */
const isFailure = (attempt: Attempt) => attempt.status === 0 || attempt.status >= 500;

/** Seconds of the longest stretch in which no shopper had a write acknowledged. */
export function longestGapSeconds(attempts: Attempt[]): number {
  const times = attempts
    .filter(isAcknowledged)
    .map((attempt) => attempt.atMs)
    .sort((a, b) => a - b);
  let longest = 0;
  for (let index = 1; index < times.length; index++)
    longest = Math.max(longest, times[index]! - times[index - 1]!);
  return longest / 1_000;
}

/** Seconds from the first fault to the last attempt that failed after it; 0 where none did. */
export function recoverySeconds(attempts: Attempt[], marks: Mark[]): number {
  const faultAt = marks[0]?.atMs;
  if (faultAt === undefined) return 0;
  const failures = attempts.filter((attempt) => isFailure(attempt) && attempt.atMs >= faultAt);
  return failures.reduce((last, attempt) => Math.max(last, attempt.atMs - faultAt), 0) / 1_000;
}

const levels = ' ▁▂▃▄▅▆▇█';

/** One column a slice of time: how many writes were acknowledged, below it where attempts failed, and the marks. */
export function drawTimeline(attempts: Attempt[], marks: Mark[], columns = 72): string {
  const end = attempts.reduce((last, attempt) => Math.max(last, attempt.atMs), 1) + 1;
  const column = (atMs: number) => Math.min(columns - 1, Math.floor((atMs / end) * columns));
  const acknowledged = new Array<number>(columns).fill(0);
  const failed = new Array<number>(columns).fill(0);
  for (const attempt of attempts) {
    const counts = isAcknowledged(attempt) ? acknowledged : isFailure(attempt) ? failed : undefined;
    if (counts !== undefined) counts[column(attempt.atMs)]! += 1;
  }
  const most = Math.max(1, ...acknowledged);
  const bars = acknowledged
    .map((count) => levels[count === 0 ? 0 : Math.max(1, Math.round((count / most) * 8))])
    .join('');
  const faults = failed.map((count) => (count === 0 ? ' ' : '×')).join('');
  const line = new Array<string>(columns).fill('─');
  for (const mark of marks) line[column(mark.atMs)] = '┴';
  const labels = marks.map((mark) => `${(mark.atMs / 1_000).toFixed(1)} s ${mark.label}`).join(' · ');
  return [
    `  ${bars}`,
    ...(faults.trim() ? [`  ${faults}  failed attempts`] : []),
    `  ${line.join('')}  ${(end / 1_000).toFixed(0)} s`,
    `  ${labels}`,
  ].join('\n');
}
