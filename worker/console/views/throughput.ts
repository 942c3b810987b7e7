// Throughput and latency by kind: bars of done and failed jobs, and of how long jobs waited, over a span of time.

import { html } from 'hono/html';
import type { Html } from '../../../origin/web/page/html.ts';
import { type FigureBar, type FigureSpan, figureSpans, type KindFigures } from '../../figures.ts';
import { scrolled, tellDuration } from './layout.ts';

export function throughputView(over: FigureSpan, kinds: KindFigures[]): Html {
  const { minutes } = figureSpans[over];
  const each = minutes === 1 ? 'a minute' : minutes < 60 ? `${minutes} minutes` : `${minutes / 60} hours`;
  return html`
    <nav class="spans" aria-label="Time"><ul>${Object.keys(figureSpans).map(
      (span) =>
        html`<li><a href="/jobs/throughput?over=${span}"${span === over ? html` aria-current="page"` : ''}>Last ${span}</a></li>`,
    )}</ul></nav>
    <p class="facts">Each bar is ${each}. A job’s time runs from when it is due until it is done, attempts and pauses included. The last bar is not over yet.</p>
    ${kinds.map((figures) => kindView(figures, over, each))}`;
}

function kindView(figures: KindFigures, over: FigureSpan, each: string): Html {
  const { kind, done, failed, halfWithinMs, mostWithinMs, bars } = figures;
  if (done === 0 && failed === 0)
    return html`<section class="figure"><h2>${kind}</h2><p class="facts">Nothing was done in the last ${over}.</p></section>`;
  const times =
    halfWithinMs === null
      ? ''
      : ` Half were done within ${tellDuration(halfWithinMs)}, 95 % within ${tellDuration(mostWithinMs!)}.`;
  const told = `${done.toLocaleString('en')} done, ${failed.toLocaleString('en')} attempts failed.${times}`;
  const highest = Math.max(...bars.map((bar) => bar.done + bar.failed));
  return html`<section class="figure">
    <h2>${kind}</h2>
    <p class="facts">${told}</p>
    <p class="axis"><span>Jobs; at most ${highest.toLocaleString('en')} in ${each}</span><span class="key"><span class="done">done</span> <span class="failed">failed</span></span></p>
    ${countsChart(figures, highest, `${kind}: ${told}`)}
    ${latencyChart(figures)}
    <p class="axis"><span>${clockOf(bars[0]!, over)}</span><span>now (UTC)</span></p>
    <details><summary>As numbers<span class="unseen">: ${kind}</span></summary>${numbersTable(figures, over)}</details>
  </section>`;
}

/** The chart has shapes only, because it is stretched to the page's width and letters would be distorted. */
function countsChart({ bars }: KindFigures, highest: number, told: string): Html {
  return html`<svg class="chart" viewBox="0 0 ${bars.length} 100" preserveAspectRatio="none" role="img" aria-label="${told}">
    ${bars.map((bar, at) => {
      const failedHeight = (bar.failed / highest) * 100;
      const doneHeight = (bar.done / highest) * 100;
      return html`${rect(at, 100 - doneHeight, doneHeight, 'done')}${rect(at, 100 - doneHeight - failedHeight, failedHeight, 'failed')}`;
    })}
  </svg>`;
}

function rect(at: number, y: number, height: number, name: 'done' | 'failed'): Html | '' {
  if (height === 0) return '';
  return html`<rect class="${name}" x="${at + 0.1}" y="${y.toFixed(2)}" width="0.8" height="${height.toFixed(2)}"/>`;
}

/** A logarithmic scale from one millisecond up. */
function latencyChart({ bars }: KindFigures): Html | '' {
  const longest = Math.max(...bars.map((bar) => bar.mostWithinMs ?? 0));
  if (longest === 0) return '';
  const decades = Math.max(1, Math.ceil(Math.log10(longest)));
  const heightOf = (ms: number) => 100 - (Math.log10(Math.max(1, ms)) / decades) * 100;
  const path = (pick: (bar: FigureBar) => number | null) =>
    bars
      .map((bar, at) => {
        const ms = pick(bar);
        return ms === null ? '' : `M${at + 0.1} ${heightOf(ms).toFixed(2)}h.8`;
      })
      .join('');
  return html`<p class="axis"><span>Time until done; the top is ${tellDuration(10 ** decades)}, each line a tenth</span><span class="key"><span class="half">half within</span> <span class="most">95 % within</span></span></p>
    <svg class="chart latency" viewBox="0 0 ${bars.length} 100" preserveAspectRatio="none" aria-hidden="true">
      ${Array.from({ length: decades }, (_, at) => html`<path class="grid" d="M0 ${((at / decades) * 100).toFixed(2)}H${bars.length}"/>`)}
      <path class="half" d="${path((bar) => bar.halfWithinMs)}"/>
      <path class="most" d="${path((bar) => bar.mostWithinMs)}"/>
    </svg>`;
}

function numbersTable({ kind, bars }: KindFigures, over: FigureSpan): Html {
  const duration = (ms: number | null) => (ms === null ? '–' : tellDuration(ms));
  return scrolled(
    `Figures of ${kind}`,
    html`<table class="counts">
      <thead><tr><th scope="col">From (UTC)</th><th scope="col">Done</th><th scope="col">Failed</th><th scope="col">Half within</th><th scope="col">95 % within</th></tr></thead>
      <tbody>${bars
        .filter((bar) => bar.done + bar.failed > 0)
        .reverse()
        .map(
          (bar) =>
            html`<tr><th scope="row">${clockOf(bar, over)}</th><td>${bar.done}</td><td>${bar.failed}</td><td>${duration(bar.halfWithinMs)}</td><td>${duration(bar.mostWithinMs)}</td></tr>`,
        )}</tbody>
    </table>`,
  );
}

function clockOf({ startsAt }: FigureBar, over: FigureSpan): string {
  const iso = startsAt.toISOString();
  return over === 'hour' ? iso.slice(11, 16) : iso.slice(5, 16).replace('T', ' ');
}
