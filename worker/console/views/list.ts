// The list of jobs with its filters, one job, and the confirmation before several are changed.

import { html } from 'hono/html';
import type { JobAttempt } from '../../../origin/outbox/attempts.ts';
import { outboxKinds } from '../../../origin/outbox/events.ts';
import { type Job, type JobCount, type JobDetails, jobStates } from '../../../origin/outbox/find-jobs.ts';
import type { Html } from '../../../origin/web/page/html.ts';
import { type AskedFilter, toQuery } from '../read-filter.ts';
import { folded, hidden, tellAgo, tellDuration, tellJobs, tellTime } from './layout.ts';

export interface ListOfJobs {
  asked: AskedFilter;
  jobs: Job[];
  /** Number of all matching jobs. */
  found: JobCount;
  /** Cursor of the next page; undefined on the last one. */
  next: string | undefined;
}

export function listView({ asked, jobs, found, next }: ListOfJobs): Html {
  return html`
    ${filterForm(asked)}
    <p class="facts" role="status">${tellJobs(found)}${asked.error || asked.older ? '. A text or an age is looked for among the first 20,000 of each kind and state.' : ''}</p>
    ${
      jobs.length === 0
        ? html`<p>There are no such jobs.</p>`
        : html`<form method="post" action="/jobs/change">
      ${filterFields(asked)}
      ${jobsTable(jobs, 'choose')}
      <div class="buttons">
        <button name="change" value="retry-selected">Try the selected now</button>
        <button name="change" value="drop-selected">Give the selected up</button>
        <button name="change" value="retry-all">Try all ${tellJobs(found)} now</button>
        <button name="change" value="drop-all">Give all ${tellJobs(found)} up</button>
      </div>
    </form>`
    }
    ${next === undefined ? '' : html`<p><a href="/jobs/list?${toQuery({ ...asked, after: next })}" rel="next">Next page</a></p>`}`;
}

function filterForm(asked: AskedFilter): Html {
  const options = (names: readonly string[], chosen: string | undefined) =>
    names.map((name) => html`<option${name === chosen ? html` selected` : ''}>${name}</option>`);
  return html`
    <form class="filter" method="get" action="/jobs/list">
      <label>State <select name="state"><option value="">failing or dead</option>${options(jobStates, asked.state)}</select></label>
      <label>Kind <select name="kind"><option value="">all</option>${options(outboxKinds, asked.kind)}</select></label>
      <label>Error <input name="error" value="${asked.error ?? ''}" maxlength="200"></label>
      <label>Order, product or account <input name="about" value="${asked.about ?? ''}" maxlength="200"></label>
      <label>Older than <input name="older" value="${asked.older ?? ''}" maxlength="8" size="6" placeholder="10m"></label>
      ${hidden('group', asked.group)}
      <button>Search</button>
      ${asked.group === undefined ? '' : html`<span>Only errors of group ${asked.group}. <a href="/jobs/list?${toQuery({ ...asked, group: undefined, after: undefined })}">Of all groups</a></span>`}
    </form>`;
}

/** Repeats the filter in hidden fields, so that a change applies to the listed jobs. */
function filterFields({ state, kind, error, about, group, older }: AskedFilter): Html {
  const fields = { state, kind, error, about, group, older };
  return html`${Object.entries(fields).map(([name, value]) => hidden(name, value))}`;
}

/** @param choose adds a box to select each job */
export function jobsTable(jobs: Job[], choose?: 'choose'): Html {
  return html`<table class="stacked">
      <thead><tr>${choose ? html`<th scope="col">Select</th>` : ''}<th scope="col">Job</th><th scope="col">Kind</th><th scope="col">State</th><th scope="col">Written</th><th scope="col">Tries</th><th scope="col">Next try</th><th scope="col">Error</th></tr></thead>
      <tbody>${jobs.map(
        (job) => html`<tr>
          ${choose ? html`<td data-label="Select"><input type="checkbox" name="id" value="${job.id}" aria-label="Select job ${job.id}"></td>` : ''}
          <th scope="row"><a href="/jobs/${job.id}">${job.id}</a></th>
          <td data-label="Kind">${job.kind}</td>
          <td data-label="State"><span class="state ${job.state}">${job.state}</span></td>
          <td data-label="Written">${tellTime(job.committedAt)}</td>
          <td data-label="Tries">${job.attempts}</td>
          <td data-label="Next try">${nextOf(job)}</td>
          <td data-label="Error">${(job.failure ?? '–').slice(0, 200)}</td></tr>`,
      )}</tbody>
    </table>`;
}

function nextOf({ state, nextTryAt, doneAt }: Job): string {
  if (state === 'dead') return 'given up';
  if (state === 'done') return `done ${tellAgo(doneAt!)}`;
  return nextTryAt === null || Number(nextTryAt) <= Date.now() ? 'now' : tellAgo(nextTryAt);
}

export interface Question {
  asked: AskedFilter;
  ids: string[];
  change: 'retry' | 'drop';
  found: JobCount;
  sample: Job[];
}

export const changeWords = {
  retry: { will: 'be tried now', done: 'brought back', button: 'Try now' },
  drop: { will: 'be given up for good: what they ask for stays undone', done: 'given up', button: 'Give up' },
} as const;

/** Asks for confirmation. Nothing has been changed yet. */
export function questionView({ asked, ids, change, found, sample }: Question): Html {
  const { will, button } = changeWords[change];
  return html`
    <p><strong>${tellJobs(found)}</strong> will ${will}.</p>
    ${sample.length === 0 ? '' : html`<h2>The first of them</h2>${jobsTable(sample)}`}
    <form method="post" action="/jobs/change">
      ${filterFields(asked)}
      ${ids.map((id) => hidden('id', id))}
      ${hidden('change', `${change}-${ids.length > 0 ? 'selected' : 'all'}`)}
      ${hidden('confirmed', 'yes')}
      <div class="buttons"><button${found.count === 0 ? html` disabled` : ''}>${button}: ${tellJobs(found)}</button>
      <a href="/jobs/list?${toQuery(asked)}">Change nothing</a></div>
    </form>`;
}

export function pauseQuestion(kind: string): Html {
  return html`
    <p>No worker will begin a job of the kind <strong>${kind}</strong> until it is resumed, also after a restart. What is under way ends.</p>
    <form method="post" action="/jobs/kinds">
      ${hidden('kind', kind)}${hidden('action', 'pause')}${hidden('confirmed', 'yes')}
      <div class="buttons"><button>Pause ${kind}</button> <a href="/jobs">Change nothing</a></div>
    </form>`;
}

export function jobView(job: JobDetails, attempts: JobAttempt[]): Html {
  const line = (name: string, value: unknown) =>
    value === null || value === undefined
      ? ''
      : html`<tr><th scope="row">${name}</th><td>${value instanceof Date ? tellTime(value) : value}</td></tr>`;
  const { state } = job;
  const toldBy = `ops jobs show ${job.id} --json`;
  return html`
    <table class="facts">
      <tbody>
        ${line('Kind', job.kind)}${line('State', state)}${line('Caused by', job.cause)}${line('Written', job.committedAt)}
        ${line('Attempts', job.attempts)}${line('Of those failed', job.failures)}${line('First failed', job.firstFailedAt)}
        ${line('Next try', state === 'dead' || state === 'done' ? null : job.nextTryAt)}${line('Done', job.doneAt)}
        ${line('Reason', job.failure && folded(job.failure, toldBy))}
        ${line('Same error', job.group === null ? null : html`<a href="/jobs/list?kind=${job.kind}&amp;group=${job.group}">all jobs of this group</a>`)}
        ${line('Asks for', html`<code>${folded(JSON.stringify(job.payload), toldBy)}</code>`)}
      </tbody>
    </table>
    ${
      state === 'done'
        ? ''
        : html`<form class="buttons" method="post" action="/jobs/${job.id}">
            <button name="action" value="retry">${state === 'dead' || state === 'failing' ? 'Try now' : 'Run now'}</button>
            ${state === 'dead' || state === 'failing' ? html`<button name="action" value="drop">Give up for good: what it asks for stays undone</button>` : ''}
          </form>`
    }
    <h2>Attempts</h2>
    ${attempts.length === 0 ? html`<p>No attempt has ended yet.</p>` : attemptsTable(attempts, toldBy)}
    <p><a href="/jobs/trace?of=${job.id}">The timeline of this job, with milliseconds</a> · <a href="/jobs/list">All that failed</a></p>`;
}

function attemptsTable(attempts: JobAttempt[], toldBy: string): Html {
  return html`<table class="stacked">
      <thead><tr><th scope="col">Attempt</th><th scope="col">Begun</th><th scope="col">Took</th><th scope="col">Worker</th><th scope="col">Outcome</th><th scope="col">Steps</th></tr></thead>
      <tbody>${attempts.map(
        ({ attempt, startedAt, tookMs, worker, outcome, error, steps }) => html`<tr>
          <th scope="row">${attempt}</th>
          <td data-label="Begun">${tellTime(startedAt)}</td>
          <td data-label="Took">${tellDuration(tookMs)}</td>
          <td data-label="Worker">${worker}</td>
          <td data-label="Outcome"><span class="state ${outcome}">${outcome}</span>${error === null ? '' : html` ${folded(error, toldBy)}`}</td>
          <td data-label="Steps">${steps.length === 0 ? '–' : steps.map(({ what, atMs }) => `${what} after ${tellDuration(atMs)}`).join(', ')}</td></tr>`,
      )}</tbody>
    </table>`;
}
