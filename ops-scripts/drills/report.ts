// A drill's report as text, and as one self-contained HTML page with charts.

import { writeFile } from 'node:fs/promises';
import type { DrillResult, DrillSize } from './drill.ts';

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
