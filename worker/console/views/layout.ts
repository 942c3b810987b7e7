// The frame of every page of the operators' console, and the format of times, counts and durations.

import { html } from 'hono/html';
import type { JobCount } from '../../../origin/outbox/find-jobs.ts';
import type { Html } from '../../../origin/web/page/html.ts';

const links = [
  ['/jobs', 'Overview'],
  ['/jobs/list', 'Jobs'],
  ['/jobs/throughput', 'Throughput'],
  ['/jobs/trace', 'Trace'],
  ['/jobs/log', 'Log'],
  ['/jobs/you', 'You'],
  ['/jobs/board', 'Queues'],
  ['/metrics', 'Metrics'],
] as const;

export interface Frame {
  title: string;
  /** Path of the navigation link to this page. */
  at?: string;
  /** Name of the signed-in operator. */
  who?: string | undefined;
  /** Result of the last change. */
  notice?: string | undefined;
  problem?: string | undefined;
  /** Whether the page shows changing figures, which a browser with JavaScript renews. */
  isLive?: boolean;
}

export function page({ title, at, who, notice, problem, isLive }: Frame, content: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · MyClothes.com operations</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/jobs/style.css">
${isLive ? html`<script type="module" src="/jobs/live.js"></script>` : ''}
</head>
<body>
<a class="skip" href="#content">Skip to content</a>
${
  who === undefined
    ? ''
    : html`<header>
  <p class="brand">MyClothes.com <span>operations</span></p>
  <nav aria-label="Operations"><ul>${links.map(
    ([href, name]) =>
      html`<li><a href="${href}"${href === at ? html` aria-current="page"` : ''}>${name}</a></li>`,
  )}</ul></nav>
  <form class="who" method="post" action="/jobs/sign-out">Signed in as ${who} <button>Sign out</button></form>
</header>`
}
<main id="content" tabindex="-1">
<h1>${title}</h1>
${notice === undefined ? '' : html`<p class="notice" role="status">${notice}</p>`}
${problem === undefined ? '' : html`<p class="problem" role="alert">${problem}</p>`}
${content}
</main>
</body>
</html>`;
}

/** A table that is wider than a phone scrolls by itself, also by keyboard. */
export function scrolled(label: string, table: Html): Html {
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">${table}</div>`;
}

/** Characters of a long text that are shown at once, and characters that are shown at all. */
const shownAtOnce = 400;
const shownAtAll = 20_000;

/** Folds a long text after its beginning. @param command that prints all of it */
export function folded(text: string, command: string): Html | string {
  if (text.length <= shownAtOnce) return text;
  const left = text.length - shownAtAll;
  const cut = left > 0 ? html` … and ${left.toLocaleString('en')} more: <kbd>${command}</kbd>` : '';
  return html`${text.slice(0, shownAtOnce)}…<details><summary>All ${text.length.toLocaleString('en')} characters</summary>${text.slice(0, shownAtAll)}${cut}</details>`;
}

/** A hidden field of a form. */
export function hidden(name: string, value: string | undefined): Html | '' {
  return value === undefined || value === ''
    ? ''
    : html`<input type="hidden" name="${name}" value="${value}">`;
}

export function tellCount({ count, more }: JobCount): string {
  return `${count.toLocaleString('en')}${more ? ' or more' : ''}`;
}

export function tellJobs(found: JobCount): string {
  return `${tellCount(found)} ${found.count === 1 && !found.more ? 'job' : 'jobs'}`;
}

export function tellTime(at: Date): Html {
  const iso = at.toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')}</time>`;
}

const units: [seconds: number, name: string][] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** Formats a moment, such as `3 min ago` or `in 2 h`. */
export function tellAgo(at: Date, nowMs = Date.now()): string {
  const seconds = Math.round((nowMs - Number(at)) / 1_000);
  const [size, name] = units.find(([unit]) => Math.abs(seconds) >= unit) ?? [1, 's'];
  const amount = Math.floor(Math.abs(seconds) / size);
  if (amount === 0) return 'now';
  return seconds > 0 ? `${amount} ${name} ago` : `in ${amount} ${name}`;
}

/** Formats a duration, such as `148.2 ms`, `12.4 s` or `3.5 h`. */
export function tellDuration(ms: number): string {
  if (ms < 10_000) return `${ms.toFixed(ms < 1_000 ? 1 : 0)} ms`;
  const [size, name] = units.find(([unit]) => ms / 1_000 >= unit)!;
  return `${(ms / 1_000 / size).toFixed(1)} ${name}`;
}
