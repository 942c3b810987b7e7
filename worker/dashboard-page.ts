// The dashboard's pages: plain HTML that needs no script.
import { html } from 'hono/html';
import type { OutboxDepth } from '../origin/outbox/dead-letters.ts';
import { queueStates } from './queues.ts';

type Html = ReturnType<typeof html>;

export interface QueueCounts {
  name: string;
  /** Undefined where Redis does not answer. */
  counts: Record<string, number> | undefined;
}

export function dashboardPage(queues: QueueCounts[], outbox: OutboxDepth | undefined): Html {
  return page(
    'Jobs',
    html`
    <h1>Jobs</h1>
    <table>
      <caption>Jobs by queue and state</caption>
      <thead><tr><th scope="col">Queue</th>${queueStates.map((state) => html`<th scope="col">${state}</th>`)}</tr></thead>
      <tbody>
        ${queues.map(
          ({ name, counts }) =>
            html`<tr><th scope="row">${name}</th>${
              counts === undefined
                ? html`<td colspan="${queueStates.length}">Redis does not answer</td>`
                : queueStates.map((state) => html`<td>${counts[state] ?? 0}</td>`)
            }</tr>`,
        )}
      </tbody>
    </table>
    ${outboxTable(outbox)}
    <p><a href="/jobs/board">Each job, one by one</a> · <a href="/metrics">Metrics</a> · <a href="/jobs">Reload</a></p>`,
  );
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

function outboxTable(outbox: OutboxDepth | undefined): Html {
  if (outbox === undefined)
    return html`<p class="problem">Postgres does not answer; the outbox cannot be read.</p>`;
  return html`
    <table>
      <caption>Outbox: what must happen after a commit</caption>
      <tbody>
        <tr><th scope="row">Due and not done</th><td>${outbox.pending}</td></tr>
        <tr><th scope="row">Oldest has waited</th><td>${outbox.lagSeconds.toFixed(1)} s</td></tr>
        <tr><th scope="row">Set aside (dead letters)</th><td>${outbox.dead}</td></tr>
      </tbody>
    </table>`;
}

function page(title: string, content: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · MyClothes.com operations</title>
<link rel="stylesheet" href="/jobs/style.css">
</head>
<body><main>${content}</main></body>
</html>`;
}

export const dashboardStyle = `:root { color-scheme: light dark; --line: light-dark(#d8d4cc, #3b3a38); --accent: light-dark(#7a3b1d, #e8a27f); }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 56rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; overflow-x: auto; }
h1 { font-weight: 600; }
table { border-collapse: collapse; width: 100%; margin-block: 1.5rem; font-variant-numeric: tabular-nums; }
caption { text-align: start; font-weight: 600; padding-block-end: .5rem; }
th, td { text-align: end; padding: .4rem .6rem; border-block-end: 1px solid var(--line); }
th:first-child { text-align: start; font-weight: 500; }
@media (max-width: 40rem) { table { font-size: .75rem; } th, td { padding-inline: .15rem; } }
a { color: var(--accent); }
.problem { color: light-dark(#a11, #f99); }
form { display: grid; gap: .5rem; max-width: 20rem; }
input, button { font: inherit; padding: .6rem; }
`;
