// The console's first page: counts by kind and state, failures, workers, edges, timed tasks, and the last actions.

import { html } from 'hono/html';
import type { LoggedDeed, PausedKind } from '../../../origin/outbox/change-jobs.ts';
import type { OutboxKind } from '../../../origin/outbox/events.ts';
import { type ErrorGroup, type Job, jobStates } from '../../../origin/outbox/find-jobs.ts';
import { countedTo, type JobCounts, type OutboxDepth } from '../../../origin/outbox/measure.ts';
import type { Html } from '../../../origin/web/page/html.ts';
import { listEdges, type TaskRun, type WorkerReport } from '../../reports.ts';
import { hidden, scrolled, tellAgo, tellCount, tellDuration, tellTime } from './layout.ts';
import { jobsTable } from './list.ts';
import { deedsTable } from './log.ts';

export interface Overview {
  counts: Record<OutboxKind, JobCounts>;
  depth: OutboxDepth;
  paused: PausedKind[];
  groups: ErrorGroup[];
  failed: Job[];
  workers: WorkerReport[];
  pendingPurges: { edgeUrl: string; tags: number }[];
  tasks: TaskRun[];
  deeds: LoggedDeed[];
}

export function overview(of: Overview): Html {
  return html`
    ${countsTable(of)}
    <p class="facts">${factsOf(of.depth)}</p>
    ${groupsTable(of.groups)}
    ${of.failed.length === 0 ? '' : html`<h2>Failed last</h2>${jobsTable(of.failed)}`}
    ${workersTable(of.workers)}
    ${edgesTable(of)}
    ${tasksTable(of.tasks)}
    ${of.deeds.length === 0 ? '' : html`<h2>Who did what</h2>${deedsTable(of.deeds)}`}`;
}

function countsTable({ counts, paused }: Overview): Html {
  const pauseOf = (kind: string) => paused.find((one) => one.kind === kind);
  return scrolled(
    'Jobs by kind and state',
    html`<table class="counts">
      <caption>Jobs by kind and state</caption>
      <thead><tr><th scope="col">Kind</th>${jobStates.map(
        (state) => html`<th scope="col"><a href="/jobs/list?state=${state}">${state}</a></th>`,
      )}<th scope="col">Change</th></tr></thead>
      <tbody>
        ${Object.entries(counts).map(
          ([kind, of]) =>
            html`<tr><th scope="row">${kind}</th>${jobStates.map((state) => html`<td>${tellCount(of[state])}</td>`)}<td><div class="deeds">
              <a href="/jobs/list?kind=${kind}">Show failed</a>
              ${pauseForm(kind, pauseOf(kind))}</div></td></tr>`,
        )}
      </tbody>
    </table>`,
  );
}

function pauseForm(kind: string, pause: PausedKind | undefined): Html {
  const action = pause === undefined ? 'pause' : 'resume';
  return html`
    <form method="post" action="/jobs/kinds">
      ${hidden('kind', kind)}
      <button name="action" value="${action}">${pause === undefined ? 'Pause' : 'Resume'}<span class="unseen"> ${kind}</span></button>
      ${pause === undefined ? '' : html`<span class="warn">Paused by ${pause.pausedBy} ${tellAgo(pause.pausedAt)}</span>`}
    </form>`;
}

function factsOf({ pending, lagSeconds, failing, dead }: OutboxDepth): string {
  const count = (found: number) => tellCount({ count: found, more: found >= countedTo });
  return `Due now, of kinds that are not paused: ${count(pending)}. The oldest has waited ${lagSeconds.toFixed(1)} s. Failed and tried again: ${count(failing)}. Given up: ${count(dead)}.`;
}

function groupsTable(groups: ErrorGroup[]): Html {
  if (groups.length === 0) return html`<p class="good">Nothing fails.</p>`;
  return html`<h2>What fails, and why</h2>
    <table class="stacked">
      <thead><tr><th scope="col">Error</th><th scope="col">Kind</th><th scope="col">Jobs</th><th scope="col">First seen</th><th scope="col">Last seen</th></tr></thead>
      <tbody>
        ${groups.map(
          ({ group, kind, error, count, more, failing, dead, firstSeen, lastSeen }) => html`<tr>
            <th scope="row"><a href="/jobs/list?kind=${kind}&amp;group=${group}">${error.slice(0, 160)}</a></th>
            <td data-label="Kind">${kind}</td>
            <td data-label="Jobs">${tellCount({ count, more })} (${failing} failing, ${dead} dead)</td>
            <td data-label="First seen">${tellAgo(firstSeen)}</td>
            <td data-label="Last seen">${tellAgo(lastSeen)}</td></tr>`,
        )}
      </tbody>
    </table>`;
}

function workersTable(workers: WorkerReport[]): Html {
  return html`<h2>Workers</h2>
    <table class="stacked">
      <thead><tr><th scope="col">Worker</th><th scope="col">State</th><th scope="col">Does</th><th scope="col">Started</th><th scope="col">Process</th></tr></thead>
      <tbody>${workers.map(
        ({ worker, host, pid, startedAt, seenAt, isSilent, purges, mailServerAway }) => html`<tr>
          <th scope="row">${worker}</th>
          <td data-label="State">${isSilent ? html`<span class="warn">silent since ${tellAgo(seenAt)}</span>` : html`<span class="good">works</span>`}</td>
          <td data-label="Does">jobs${purges ? ', purges the edges' : ''}${mailServerAway ? html`, <span class="warn">waits for the mail server</span>` : ''}</td>
          <td data-label="Started">${tellAgo(startedAt)}</td>
          <td data-label="Process">${pid} on ${host}</td></tr>`,
      )}</tbody>
    </table>
    ${workers.length === 0 ? html`<p>No worker has told of itself yet.</p>` : ''}`;
}

function edgesTable({ workers, pendingPurges }: Overview): Html | '' {
  const edges = listEdges(workers, pendingPurges);
  if (edges.length === 0) return '';
  return html`<h2>Edges</h2>
    <table class="stacked">
      <thead><tr><th scope="col">Edge</th><th scope="col">State</th><th scope="col">Unconfirmed tags</th></tr></thead>
      <tbody>${edges.map(
        ({ url, state, silentMs, unconfirmedTags }) => html`<tr>
          <th scope="row">${url}</th>
          <td data-label="State"><span class="${state === 'confirms' ? 'good' : 'warn'}">${state}${silentMs === null ? '' : ` for ${tellDuration(silentMs)}`}</span></td>
          <td data-label="Unconfirmed tags">${unconfirmedTags.toLocaleString('en')}</td></tr>`,
      )}</tbody>
    </table>`;
}

function tasksTable(tasks: TaskRun[]): Html | '' {
  if (tasks.length === 0) return '';
  return html`<h2>Timed tasks</h2>
    <table class="stacked">
      <thead><tr><th scope="col">Task</th><th scope="col">Last run</th><th scope="col">Took</th><th scope="col">Next run</th><th scope="col">Worker</th><th scope="col">Change</th></tr></thead>
      <tbody>${tasks.map(
        ({ task, worker, everyMs, startedAt, tookMs, error }) => html`<tr>
          <th scope="row">${task}${error === null ? '' : html` <span class="warn">failed: ${error}</span>`}</th>
          <td data-label="Last run">${tellTime(startedAt)}</td>
          <td data-label="Took">${tellDuration(tookMs)}</td>
          <td data-label="Next run">${nextRun(startedAt, tookMs + everyMs, everyMs)}</td>
          <td data-label="Worker">${worker}</td>
          <td data-label="Change"><form class="deeds" method="post" action="/jobs/tasks">${hidden('task', task)}<button>Run now<span class="unseen">: ${task}</span></button></form></td></tr>`,
      )}</tbody>
    </table>`;
}

/** Not every run of a frequent task is recorded. */
function nextRun(startedAt: Date, inMs: number, everyMs: number): string {
  if (everyMs < 10_000) return `every ${everyMs / 1_000} s`;
  return tellAgo(new Date(Number(startedAt) + inMs));
}
