// The log of operators' actions, and the trace of one change, order or mail.

import { html } from 'hono/html';
import type { LoggedDeed } from '../../../origin/outbox/change-jobs.ts';
import type { Html } from '../../../origin/web/page/html.ts';
import type { Trace } from '../trace.ts';
import { tellDuration, tellTime } from './layout.ts';

export function deedsTable(deeds: LoggedDeed[]): Html {
  return html`<table class="stacked">
      <thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">Did</th><th scope="col">To</th><th scope="col">Jobs</th></tr></thead>
      <tbody>${deeds.map(
        ({ at, who, action, target, jobs }) => html`<tr>
          <th scope="row">${tellTime(at)}</th>
          <td data-label="Who">${who}</td>
          <td data-label="Did">${action}</td>
          <td data-label="To">${target}</td>
          <td data-label="Jobs">${jobs ?? '–'}</td></tr>`,
      )}</tbody>
    </table>`;
}

export function logView(deeds: LoggedDeed[], perPage: number): Html {
  const last = deeds.at(-1);
  return html`
    ${deeds.length === 0 ? html`<p>Nothing was done yet.</p>` : deedsTable(deeds)}
    ${last !== undefined && deeds.length === perPage ? html`<p><a href="/jobs/log?before=${last.id}">Older</a></p>` : ''}`;
}

/** @param trace undefined before a search */
export function traceView(of: string, trace: Trace | undefined): Html {
  return html`
    <form class="filter" method="get" action="/jobs/trace">
      <label>Job, invalidation, order, product or e-mail <input name="of" value="${of}" required></label>
      <button>Trace</button>
    </form>
    ${trace === undefined ? '' : timeline(trace)}`;
}

function timeline({ jobs, events, tookMs }: Trace): Html {
  const longest = Math.max(1, events.at(-1)?.sinceStartMs ?? 1);
  return html`
    <p class="facts">${jobs.map(({ id, kind, state }) => html`<a href="/jobs/${id}">${kind} ${id}</a> (${state}) `)}</p>
    <p class="facts">${tookMs === null ? 'Not over yet.' : `From the first event to the last: ${tellDuration(tookMs)}.`}</p>
    <table class="stacked timeline">
      <thead><tr><th scope="col">After</th><th scope="col">At</th><th scope="col">What</th><th scope="col">Job</th></tr></thead>
      <tbody>${events.map(
        ({ at, sinceStartMs, what, jobId }) => html`<tr>
          <th scope="row">${tellDuration(sinceStartMs)} <meter min="0" max="${longest}" value="${sinceStartMs}" aria-hidden="true"></meter></th>
          <td data-label="At"><time datetime="${at.toISOString()}">${at.toISOString().slice(11, 23)}</time></td>
          <td data-label="What">${what}</td>
          <td data-label="Job">${jobId === null ? '–' : html`<a href="/jobs/${jobId}">${jobId}</a>`}</td></tr>`,
      )}</tbody>
    </table>`;
}
