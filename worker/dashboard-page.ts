// The dashboard's pages: plain HTML that needs no script.
import { html } from 'hono/html';
import type { OutboxKind } from '../origin/outbox/events.ts';
import { type Job, type JobCount, type JobDetails, jobStates } from '../origin/outbox/find-jobs.ts';
import { countedTo, type JobCounts, type OutboxDepth } from '../origin/outbox/measure.ts';

type Html = ReturnType<typeof html>;

type Standing = [counts: Record<OutboxKind, JobCounts>, outbox: OutboxDepth, failed: Job[]];

/** @param standing undefined where Postgres does not answer */
export function dashboardPage(standing: Standing | undefined): Html {
  return page(
    'Jobs',
    html`
    <h1>Jobs</h1>
    ${standing === undefined ? html`<p class="problem">Postgres does not answer; the jobs cannot be read.</p>` : tables(standing)}
    <p><a href="/jobs/board">What the queues hold, job by job</a> · <a href="/metrics">Metrics</a> · <a href="/jobs">Reload</a></p>`,
  );
}

function tables([counts, outbox, failed]: Standing): Html {
  return html`
    <table>
      <caption>Jobs by queue and state</caption>
      <thead><tr><th scope="col">Queue</th>${jobStates.map((state) => html`<th scope="col">${state}</th>`)}</tr></thead>
      <tbody>
        ${Object.entries(counts).map(
          ([kind, of]) =>
            html`<tr><th scope="row">${kind}</th>${jobStates.map((state) => html`<td>${tell(of[state])}</td>`)}</tr>`,
        )}
      </tbody>
    </table>
    <table>
      <caption>Outbox: what must happen after a commit</caption>
      <tbody>
        <tr><th scope="row">Due and not done</th><td>${tell(countOf(outbox.pending))}</td></tr>
        <tr><th scope="row">Oldest has waited</th><td>${outbox.lagSeconds.toFixed(1)} s</td></tr>
        <tr><th scope="row">Failed, and tried again</th><td>${tell(countOf(outbox.failing))}</td></tr>
        <tr><th scope="row">Given up (dead letters)</th><td>${tell(countOf(outbox.dead))}</td></tr>
      </tbody>
    </table>
    ${failed.length === 0 ? '' : failedTable(failed)}`;
}

function failedTable(failed: Job[]): Html {
  return html`
    <table class="failed">
      <caption>What failed, newest first</caption>
      <thead><tr><th scope="col">Job</th><th scope="col">Queue</th><th scope="col">Tries</th><th scope="col">Next try</th><th scope="col">Reason</th></tr></thead>
      <tbody>
        ${failed.map(
          (row) => html`<tr>
            <th scope="row"><a href="/jobs/${row.id}">${row.id}</a></th><td>${row.kind}</td><td>${row.failures}</td>
            <td>${row.nextTryAt === null ? 'given up' : timeOf(row.nextTryAt)}</td><td>${(row.failure ?? '').slice(0, 200)}</td></tr>`,
        )}
      </tbody>
    </table>`;
}

export function jobPage(job: JobDetails): Html {
  const line = (name: string, value: unknown) =>
    value === null
      ? ''
      : html`<tr><th scope="row">${name}</th><td>${value instanceof Date ? timeOf(value) : value}</td></tr>`;
  return page(
    `Job ${job.id}`,
    html`
    <h1>Job ${job.id}</h1>
    <table class="failed">
      <tbody>
        ${line('Queue', job.kind)}${line('State', job.state)}${line('Written', job.committedAt)}
        ${line('Attempts', job.attempts)}${line('Of those failed', job.failures)}${line('First failed', job.firstFailedAt)}
        ${line('Next try', job.state === 'failing' ? job.nextTryAt : null)}${line('Done', job.doneAt)}
        ${line('Reason', job.failure)}${line('Asks for', html`<code>${JSON.stringify(job.payload)}</code>`)}
      </tbody>
    </table>
    ${
      job.state === 'failing' || job.state === 'dead'
        ? html`<form method="post" action="/jobs/${job.id}">
            <button name="action" value="retry">Try now</button>
            <button name="action" value="drop">Give up for good: what it asks for stays undone</button>
          </form>`
        : ''
    }
    <p><a href="/jobs">All jobs</a></p>`,
  );
}

function tell({ count, more }: JobCount): string {
  return `${count.toLocaleString('en')}${more ? ' or more' : ''}`;
}

function countOf(count: number): JobCount {
  return { count, more: count >= countedTo };
}

function timeOf(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

export function signInPage(problem: string | undefined): Html {
  return page(
    'Sign in',
    html`
    <h1>Operators</h1>
    ${problem === undefined ? '' : html`<p class="problem" role="alert">${problem}</p>`}
    <form method="post" action="/jobs">
      <label for="password">Operator's password</label>
      <input id="password" name="password" type="password" autocomplete="current-password" required>
      <button>Sign in</button>
    </form>`,
  );
}

function page(title: string, content: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · MyClothes.com operations</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/jobs/style.css">
</head>
<body><main>${content}</main></body>
</html>`;
}

export const dashboardStyle = `:root { color-scheme: light dark; --line: light-dark(#d8d4cc, #3b3a38); --accent: light-dark(#7a3b1d, #e8a27f); }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; background: light-dark(#fff, #151311); color: light-dark(#1c1916, #f2ece2); }
main { max-width: 56rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; overflow-x: auto; }
h1 { font-weight: 600; }
table { border-collapse: collapse; width: 100%; margin-block: 1.5rem; font-variant-numeric: tabular-nums; }
caption { text-align: start; font-weight: 600; padding-block-end: .5rem; }
th, td { text-align: end; padding: .4rem .6rem; border-block-end: 1px solid var(--line); }
th:first-child { text-align: start; font-weight: 500; }
.failed :is(th, td) { text-align: start; overflow-wrap: anywhere; vertical-align: top; }
@media (max-width: 40rem) { table { font-size: .75rem; } th, td { padding-inline: .15rem; } }
a { color: var(--accent); }
.problem { color: light-dark(#a11, #f99); }
form { display: grid; gap: .5rem; max-width: 20rem; }
input, button { font: inherit; padding: .6rem; }
`;
