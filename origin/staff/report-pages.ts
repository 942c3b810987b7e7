// The staff's reports: sales as table, chart and CSV, variants that sell out, and the quarterly VAT report.
import { stringify } from 'csv-stringify/sync';
import { type Context, Hono } from 'hono';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { readVisitor } from '../identity/visitor.ts';
import {
  listSellingOut,
  quarterOf,
  quartersUntil,
  readQuarter,
  readSales,
  readVatReport,
  type SalesGroup,
  type SalesPeriod,
  salesGroups,
} from '../order/reports.ts';
import type { AppEnv } from '../web/env.ts';
import { shopCurrency } from '../web/money.ts';
import { respondPage } from '../web/page/page-response.ts';
import { reportsPage, salesChart } from './views/reports.ts';

const dayMs = 86_400_000;

/** Mount this behind the guard of the staff's pages. */
export function reportPages(deps: Deps): Hono<AppEnv> {
  return new Hono<AppEnv>()
    .get('/staff/reports', (c) => showReports(deps, c))
    .get('/staff/reports/sales.csv', async (c) => {
      const { by, ...period } = readQuery(c, deps.now());
      const rows = await readSales(deps.db, by, period);
      return respondCsv(
        c,
        `sales-${by}-${dayOf(period.from)}-${dayOf(new Date(period.to.getTime() - 1))}.csv`,
        [
          [by, 'orders', 'pieces', 'amount', 'currency'],
          ...rows.map(({ name, orders, pieces, amount }) => [
            name,
            orders,
            pieces,
            inUnits(amount),
            shopCurrency,
          ]),
        ],
      );
    })
    .get('/staff/reports/sales.svg', async (c) => {
      const { by, ...period } = readQuery(c, deps.now());
      const chart = salesChart(by, await readSales(deps.db, by, period), daysOf(period));
      return c.body(chart, 200, {
        'Content-Type': 'image/svg+xml; charset=utf-8',
        'Cache-Control': 'private, no-store',
      });
    })
    .get('/staff/reports/vat.csv', async (c) => {
      const quarter = c.req.query('quarter') ?? quarterOf(new Date(deps.now()));
      const rows = await readVatReport(deps, readQuarter(quarter));
      const names = 'quarter,country,rate,sales_net,sales_vat,refunds_net,refunds_vat,net,vat,currency';
      return respondCsv(c, `vat-${quarter}.csv`, [
        names.split(','),
        ...rows.map(({ country, rate, salesNet, salesVat, refundsNet, refundsVat }) => [
          quarter,
          country,
          rate,
          ...[salesNet, salesVat, refundsNet, refundsVat, salesNet - refundsNet, salesVat - refundsVat].map(
            inUnits,
          ),
          shopCurrency,
        ]),
      ]);
    });
}

async function showReports(deps: Deps, c: Context<AppEnv>): Promise<Response> {
  const now = deps.now();
  const visitor = { name: (await readVisitor(deps, c)).account?.name };
  const quarters = quartersUntil(new Date(now), 8);
  try {
    const { by, ...period } = readQuery(c, now);
    const asked = c.req.query('quarter') ?? quarters[0]!;
    const [sales, sellingOut, vat] = await Promise.all([
      readSales(deps.db, by, period),
      listSellingOut(deps.db, new Date(now)),
      readVatReport(deps, readQuarter(asked)),
    ]);
    const [from, to] = [dayOf(period.from), dayOf(new Date(period.to.getTime() - 1))];
    return respondPage(
      c,
      reportsPage({ visitor, by, from, to, sales, sellingOut, vat, quarter: asked, quarters }),
    );
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 400) throw error;
    const { by, ...period } = usualQuery(now);
    const [from, to] = [dayOf(period.from), dayOf(new Date(now))];
    const nothing = { sales: [], sellingOut: [], vat: [], quarter: quarters[0]!, quarters };
    const page = reportsPage({ visitor, by, from, to, ...nothing, fault: `${error.message}.` });
    return respondPage(c, page, { status: 400 });
  }
}

type SalesQuery = SalesPeriod & { by: SalesGroup };

/** The last 28 days including today. */
function usualQuery(nowMs: number): SalesQuery {
  const to = startOfDay(nowMs + dayMs);
  return { by: 'day', from: new Date(to - 28 * dayMs), to: new Date(to) };
}

/** @throws Refusal 400 for invalid days, days in the wrong order, or too long a period */
function readQuery(c: Context<AppEnv>, nowMs: number): SalesQuery {
  const usual = usualQuery(nowMs);
  const by = salesGroups.find((group) => group === c.req.query('by')) ?? usual.by;
  const from = readDay(c.req.query('from')) ?? usual.from.getTime();
  const to = (readDay(c.req.query('to')) ?? usual.to.getTime() - dayMs) + dayMs;
  if (to <= from || to - from > 1_100 * dayMs)
    throw new Refusal(
      400,
      'bad-request',
      'Please choose a first day and a later last one, at most three years apart',
    );
  return { by, from: new Date(from), to: new Date(to) };
}

function readDay(text = ''): number | undefined {
  if (text === '') return undefined;
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(time)) throw new Refusal(400, 'bad-request', 'Please enter days such as 2026-11-30');
  return time;
}

function startOfDay(timeMs: number): number {
  return Math.floor(timeMs / dayMs) * dayMs;
}

function daysOf({ from, to }: SalesPeriod): string[] {
  const count = (to.getTime() - from.getTime()) / dayMs;
  return Array.from({ length: count }, (_, at) => dayOf(new Date(from.getTime() + at * dayMs)));
}

function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10);
}

function inUnits(minorUnits: number): string {
  return (minorUnits / 100).toFixed(2);
}

/** Puts an apostrophe before cells that begin like a formula, so that no spreadsheet evaluates them. */
function respondCsv(c: Context<AppEnv>, name: string, rows: (string | number)[][]): Response {
  const isFormula = (cell: string | number) => typeof cell === 'string' && /^[=+@\t\r]|^-(?!\d)/.test(cell);
  const safe = rows.map((row) => row.map((cell) => (isFormula(cell) ? `'${cell}` : cell)));
  return c.body(stringify(safe, { record_delimiter: 'windows' }), 200, {
    'Content-Type': 'text/csv; charset=utf-8',
    'Content-Disposition': `attachment; filename="${name.replaceAll(/[^\w.-]/g, '')}"`,
    'Cache-Control': 'private, no-store',
  });
}
