// The page that shows people all their data: records, purpose, and retention.
import { Hono } from 'hono';
import type { Deps } from '../deps.ts';
import { readFrame } from '../identity/page-frame.ts';
import { readVisitor, requireFreshProof } from '../identity/visitor.ts';
import type { AppEnv } from '../web/env.ts';
import { refusalToShow } from '../web/page/form.ts';
import { type Html, html } from '../web/page/html.ts';
import { layout } from '../web/page/layout.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { describeKept, type ExportedRow, exportPerson, type PersonRecords } from './export-person.ts';
import { readPersonOfAccount } from './person.ts';
import { register } from './register.ts';

export const ownDataPath = '/account/data';

export function ownDataPages(deps: Deps): Hono<AppEnv> {
  return new Hono<AppEnv>().get(ownDataPath, async (c) => {
    const { account } = await readVisitor(deps, c);
    if (account === undefined) return seeOther(`/sign-in?${new URLSearchParams({ next: ownDataPath })}`);
    try {
      requireFreshProof(account, deps.now());
    } catch (error) {
      refusalToShow(error);
      return seeOther(`/verify?${new URLSearchParams({ next: ownDataPath })}`);
    }
    const person = await readPersonOfAccount(deps.db, account.id);
    if (person === undefined) return seeOther('/sign-in');
    deps.log.info({ security: 'export', account: account.id }, 'security');
    const content = ownDataPage(await exportPerson(deps.db, person), deps);
    return respondPage(c, layout({ title: 'Your data', ...(await readFrame(deps, c)) }, content));
  });
}

/** Records of each kind on the page. The downloaded file has all. */
const mostShown = 50;

function ownDataPage(records: PersonRecords, { settings }: Pick<Deps, 'settings'>): Html {
  const sections = Object.keys(records).reverse();
  return html`<div class="page-head"><h1>Your data</h1>
<p class="row"><a class="button" href="/api/account/export" download="my-data.json">Download all as a file</a></p></div>
<p>This is all that we keep of you: ${sections.length} kinds of records. Passwords, codes and keys are stored so that nobody can read them, and are not shown.</p>
<p class="soft">To have it deleted, <a href="/account#leave">delete your account</a>. Guests’ orders of your e-mail are shown once you have confirmed it. Invoices are files: you find them at each order.</p>
<div class="panels">${sections.map((table) => section(table, records[table]!, settings))}</div>`;
}

function section(table: string, rows: ExportedRow[], { keep }: Deps['settings']): Html {
  const of = register[table]!;
  const id = `data-${table}`;
  return html`<section class="panel" aria-labelledby="${id}"><h2 id="${id}">${of.title}</h2>
<p class="small">Kept ${of.purpose}.<br><span class="soft">How long: ${describeKept(of, keep)}.${of.remains ? ` ${of.remains}` : ''}</span></p>
<details><summary>${rows.length === 1 ? '1 record' : `${rows.length} records`}</summary>
${rows.slice(0, mostShown).map(record)}
${rows.length > mostShown ? html`<p class="soft">The file has the other ${rows.length - mostShown}.</p>` : ''}</details></section>`;
}

function record(row: ExportedRow): Html {
  const told = Object.entries(row).filter(([, value]) => value !== null && value !== '');
  return html`<dl class="facts">${told.map(
    ([column, value]) => html`<div><dt>${column.replaceAll('_', ' ')}</dt><dd>${describe(value)}</dd></div>`,
  )}</dl>`;
}

/** @returns the content of a value on one line */
function describe(value: unknown): string {
  if (value instanceof Date) return `${value.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  if (Array.isArray(value)) return value.map(describe).join('; ') || 'none';
  if (value === null || typeof value !== 'object') return String(value);
  return Object.entries(value)
    .filter(([, part]) => part !== null && part !== undefined)
    .map(([name, part]) => `${name}: ${describe(part)}`)
    .join(', ');
}
