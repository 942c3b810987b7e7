// Counts acknowledged and failed writes in time slots, for the longest gap, the recovery time and a chart for the
// terminal.

export interface Mark {
  atMs: number;
  label: string;
}

const slotMs = 100;

export class Timeline {
  readonly marks: Mark[] = [];
  readonly #now: () => number;
  readonly #acknowledged: number[] = [];
  readonly #failed: number[] = [];
  #lastAcknowledgedMs: number | undefined;
  #longestGapMs = 0;
  #faultAtMs: number | undefined;
  #recoveryMs = 0;

  /** @param now milliseconds since the load began */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Records an attempt that has just ended. @param status 0 if no answer came */
  tell(status: number): void {
    const atMs = this.#now();
    const slot = Math.floor(atMs / slotMs);
    if (status >= 200 && status < 300) {
      this.#acknowledged[slot] = (this.#acknowledged[slot] ?? 0) + 1;
      if (this.#lastAcknowledgedMs !== undefined)
        this.#longestGapMs = Math.max(this.#longestGapMs, atMs - this.#lastAcknowledgedMs);
      this.#lastAcknowledgedMs = atMs;
    } else if (status === 0 || status >= 500) {
      this.#failed[slot] = (this.#failed[slot] ?? 0) + 1;
      if (this.#faultAtMs !== undefined)
        this.#recoveryMs = Math.max(this.#recoveryMs, atMs - this.#faultAtMs);
    }
  }

  /** Gaps count from here on, because shoppers were still arriving before. */
  begin(): void {
    this.#lastAcknowledgedMs = this.#now();
    this.#longestGapMs = 0;
  }

  mark(label: string): void {
    this.marks.push({ atMs: this.#now(), label });
    this.#faultAtMs ??= this.#now();
  }

  /** The fault has healed, so the next mark begins another one. */
  heal(): void {
    this.#faultAtMs = undefined;
  }

  /** Seconds of the longest time in which no shopper had a write acknowledged. */
  get longestGapSeconds(): number {
    return this.#longestGapMs / 1_000;
  }

  /**
   * The longest time in seconds from a fault to the last attempt that failed before it had healed; 0 if none failed.
   */
  get recoverySeconds(): number {
    return this.#recoveryMs / 1_000;
  }

  /** Failed attempts, and the number of all that failed or were acknowledged. */
  get failures(): { failed: number; of: number } {
    const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);
    const failed = sum(this.#failed);
    return { failed, of: failed + sum(this.#acknowledged) };
  }

  /** Draws one column for each slice of time: acknowledged writes, failed attempts below them, and the marks. */
  draw(columns = 72): string {
    const slots = Math.max(this.#acknowledged.length, this.#failed.length, 1);
    const column = (slot: number) => Math.min(columns - 1, Math.floor((slot / slots) * columns));
    const gather = (counts: number[]) => {
      const gathered = new Array<number>(columns).fill(0);
      for (let slot = 0; slot < counts.length; slot++) gathered[column(slot)]! += counts[slot] ?? 0;
      return gathered;
    };
    const acknowledged = gather(this.#acknowledged);
    const most = Math.max(1, ...acknowledged);
    const bars = acknowledged.map((count) => levels[Math.ceil((count / most) * 8)]).join('');
    const faults = gather(this.#failed)
      .map((count) => (count === 0 ? ' ' : '×'))
      .join('');
    const line = new Array<string>(columns).fill('─');
    for (const mark of this.marks) line[column(mark.atMs / slotMs)] = '┴';
    return [
      `  ${bars}`,
      ...(faults.trim() ? [`  ${faults}  failed attempts`] : []),
      `  ${line.join('')}  ${((slots * slotMs) / 1_000).toFixed(0)} s`,
      `  ${describeMarks(this.marks)}`,
    ].join('\n');
  }
}

const levels = ' ▁▂▃▄▅▆▇█';
const marksShown = 12;

function describeMarks(marks: Mark[]): string {
  const shown = marks
    .slice(0, marksShown)
    .map(({ atMs, label }) => `${(atMs / 1_000).toFixed(1)} s ${label}`);
  const more = marks.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join(' · ');
}
