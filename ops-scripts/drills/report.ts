// How a drill is told: writes counted in time slots, and the report as text and as one self-contained HTML page.
import { writeFile } from 'node:fs/promises';
import type { DrillResult, DrillSize } from './drill.ts';

interface Mark {
  atMs: number;
  label: string;
}

const slotMs = 100;

/**
 * Counts acknowledged and failed writes in time slots, for the longest gap, the recovery time and a chart for
 * the terminal.
 */
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

const signs = { pass: '✓', fail: '✗', skipped: '–' };

/**
 * A drill's report as text: one line and the timeline. A failure also gets the cart's history and the command to repeat
 * it.
 */
export function describeResult(result: DrillResult): string {
  const { drill, state, verdict, acknowledged, lost, duplicated, errors, expectLoss } = result;
  const lines = [
    `${signs[verdict]} ${drill} (${state}${expectLoss ? ', loss expected' : ''}): ` +
      `${acknowledged} acknowledged, ${lost} lost, ${duplicated} doubled, ${errors} errors; ` +
      `longest gap ${result.unavailableSeconds} s, recovered in ${result.recoverySeconds} s`,
    ...(result.picture ? [result.picture] : []),
    ...result.notes.map((note) => `  ${note}`),
  ];
  return lines.join('\n');
}

interface HowItWasRun extends Partial<DrillSize> {
  short?: boolean;
  /** Set for `shop-life`. */
  days?: number;
  pace?: string;
  region?: boolean;
}

/** The history of the wrong cart, and the command that repeats the drill. */
export function describeFailure(
  { drill, state, seed, history = [] }: DrillResult,
  how: HowItWasRun,
): string[] {
  const options = [
    `--state ${state} --seed ${seed}`,
    ...(how.short ? ['--short'] : []),
    ...(how.shoppers ? [`--shoppers ${how.shoppers}`] : []),
    ...(how.seconds ? [`--seconds ${how.seconds}`] : []),
    ...(how.thinkMs !== undefined ? [`--think-ms ${how.thinkMs}`] : []),
    ...(how.days ? [`--days ${how.days}`] : []),
    ...(how.pace ? [`--pace ${how.pace}`] : []),
    ...(how.region ? ['--region'] : []),
    ...(drill === 'random' ? [`--minutes ${how.minutes} --faults ${how.faults}`] : []),
  ];
  return [
    ...(history.length > 0 ? ['The history of the cart that was wronged:'] : []),
    ...history.map((line) => `    ${line}`),
    `Repeat: npm run drill -- ${drill} ${options.join(' ')}`,
  ];
}

export function describeTotals(results: DrillResult[]): string {
  const sum = (pick: (result: DrillResult) => number) =>
    results.reduce((total, result) => total + pick(result), 0);
  const unexpected = results.filter(({ expectLoss }) => expectLoss !== true);
  const lost = unexpected.reduce((total, result) => total + result.lost, 0);
  const count = (wanted: DrillResult['verdict']) =>
    results.filter(({ verdict }) => verdict === wanted).length;
  const skipped = count('skipped') > 0 ? ` (${count('skipped')} skipped)` : '';
  return (
    `${count('pass')} of ${results.length} drills passed${skipped}; ${sum(({ acknowledged }) => acknowledged)} writes acknowledged, ` +
    `${lost} lost where none may be, ${sum(({ duplicated }) => duplicated)} doubled`
  );
}

/** Writes the reports of drills as one self-contained HTML page with charts. */
export async function writeHtmlReport(file: string, results: DrillResult[]): Promise<void> {
  await writeFile(file, renderReport(results));
}

function renderReport(results: DrillResult[]): string {
  const longest = Math.max(1, ...results.map(({ unavailableSeconds }) => unavailableSeconds));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Drills</title><style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: end; padding: .35rem .6rem; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
th:first-child, td:first-child { text-align: start; }
.fail { color: #c22; font-weight: 600; }
.bar { display: inline-block; height: .7em; background: #b4552d; vertical-align: baseline; margin-inline-end: .4em; }
pre { overflow-x: auto; line-height: 1.1; }
</style></head><body><h1>Drills</h1>
<table><thead><tr><th>Drill</th><th>State</th><th>Acknowledged</th><th>Lost</th><th>Doubled</th><th>Errors</th><th>Longest gap</th><th>Recovered in</th><th>Verdict</th></tr></thead>
<tbody>${results.map((result) => renderRow(result, longest)).join('')}</tbody></table>
${results.map(renderDetail).join('')}
</body></html>
`;
}

function renderRow(result: DrillResult, longest: number): string {
  const width = ((result.unavailableSeconds / longest) * 6).toFixed(2);
  return `<tr><td><a href="#${result.drill}-${result.state}">${escapeHtml(result.drill)}</a></td><td>${result.state}</td>
<td>${result.acknowledged}</td><td>${result.lost}${result.expectLoss ? ' (expected)' : ''}</td><td>${result.duplicated}</td><td>${result.errors}</td>
<td><span class="bar" style="width:${width}rem"></span>${result.unavailableSeconds} s</td><td>${result.recoverySeconds} s</td>
<td class="${result.verdict}">${result.verdict}</td></tr>`;
}

function renderDetail(result: DrillResult): string {
  const history = result.history?.length
    ? `<details><summary>The wronged cart</summary><pre>${escapeHtml(result.history.join('\n'))}</pre></details>`
    : '';
  return `<section id="${result.drill}-${result.state}"><h2>${escapeHtml(result.drill)}, ${result.state}</h2>
<pre>${escapeHtml(result.picture ?? '')}</pre><ul>${result.notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('')}</ul>
<p>Seed ${result.seed}</p>${history}</section>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
