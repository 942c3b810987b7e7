// The staff page of delivery. Methods by country and the seller's holidays are saved together.
import { type Context, Hono } from 'hono';
import { listHolidays } from '../checkout/delivery-dates.ts';
import {
  type DeliveryTerms,
  lockDeliveryTerms,
  mostHolidays,
  raiseShippingFloor,
  readSellersHolidays,
  readShippingTable,
  readShippingTagVersions,
  replaceDeliveryTerms,
  type ShippingTable,
  ShippingTableToWriteSchema,
} from '../checkout/shipping-methods.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { readVisitor, requireStaff } from '../identity/visitor.ts';
import { type IdempotentWrite, writeOnce } from '../web/api/idempotency.ts';
import type { AppEnv } from '../web/env.ts';
import {
  type FormFaults,
  type FormValues,
  readForm,
  readIdempotencyKey,
  refusalToShow,
  toCents,
} from '../web/page/form.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { audit, readChanges } from './change-catalog.ts';
import { deliveryPage, holidayLines, rowFields, valuesOfTerms } from './views/delivery.ts';

/** Each row has seven fields. */
const mostRows = 200;
const mostFields = mostRows * 7 + 20;

/** Mount this behind the guard of the staff's pages. */
export function deliveryPages(deps: Deps): Hono<AppEnv> {
  return new Hono<AppEnv>()
    .get('/staff/delivery', (c) => showDelivery(deps, c))
    .post('/staff/delivery', async (c) => {
      const values = await readForm(c, mostFields);
      const { terms, faults } = readDeliveryForm(values);
      if (terms === undefined) return showDelivery(deps, c, { values, faults }, 422);
      try {
        const { id: accountId, scope } = await requireStaff(deps, c);
        const write = { accountId, scope, key: readIdempotencyKey(values), method: 'POST', path: c.req.path };
        await writeDeliveryTerms(deps, write, terms, values['version']);
        return seeOther('/staff/delivery?saved=yes');
      } catch (error) {
        const { message, status } = refusalToShow(error);
        return showDelivery(deps, c, { values, refused: `${message}.` }, status);
      }
    });
}

interface Shown {
  values: FormValues;
  faults?: FormFaults;
  refused?: string;
}

async function showDelivery(deps: Deps, c: Context<AppEnv>, shown?: Shown, status = 200): Promise<Response> {
  const [{ account }, changes, present] = await Promise.all([
    readVisitor(deps, c),
    readChanges(deps.db, [subject], 5),
    readPresent(deps.db),
  ]);
  const page = deliveryPage({
    visitor: { name: account?.name },
    mayChange: account?.staffRole === 'owner',
    values: present,
    changes,
    saved: c.req.query('saved') === 'yes',
    ...shown,
  });
  return respondPage(c, page, { status });
}

/** Reads the version before the rows. If they change in between, saving is refused and staff look again. */
async function readPresent(db: Deps['db']): Promise<FormValues> {
  const { [subject]: version = 0 } = await readShippingTagVersions(db, [subject]);
  const [table, holidays] = await Promise.all([readShippingTable(db), readSellersHolidays(db)]);
  return valuesOfTerms({ version, table, holidays });
}

/** Subject in the audit, and tag of caches. */
const subject = 'shipping-methods';

interface DeliveryWrite extends Omit<IdempotentWrite, 'body'> {
  /** Null for a program. */
  accountId: string | null;
}

/**
 * Saves delivery terms and their audit row once for each idempotency key. The caller can read them at once.
 * @param seen version on which the change is based; undefined: any version
 * @throws Refusal 412 `precondition-failed` where somebody else has changed the terms since
 */
export async function writeDeliveryTerms(
  deps: Deps,
  { accountId, ...write }: DeliveryWrite,
  terms: DeliveryTerms,
  seen?: string,
): Promise<void> {
  const body = {
    ...(terms.table && { items: terms.table }),
    ...(terms.holidays && { holidays: terms.holidays }),
  };
  const raised = await writeOnce(deps.db, { ...write, body }, async (tx) => {
    const version = await lockDeliveryTerms(tx);
    if (seen !== undefined && seen !== String(version))
      throw new Refusal(
        412,
        'precondition-failed',
        'Somebody has changed the table since; see it and try again',
      );
    const before = { items: await readShippingTable(tx), holidays: await readSellersHolidays(tx) };
    const versions = await replaceDeliveryTerms(tx, terms);
    await audit(tx, accountId, [{ subject, before, after: { ...before, ...body } }]);
    return versions;
  });
  deps.wakeWorker();
  await raiseShippingFloor(deps, raised);
}

/** Reads the form. An empty row is left out, which is how staff remove a row. */
function readDeliveryForm(values: FormValues): { terms?: DeliveryTerms; faults: FormFaults } {
  const numbers = Object.keys(values)
    .flatMap((name) => /^name-(\d{1,3})$/.exec(name)?.[1] ?? [])
    .map(Number)
    .filter((row) => rowFields.some((field) => (values[`${field}-${row}`] ?? '').trim() !== ''))
    .sort((a, b) => a - b);
  const rows = numbers.map((row) => readRow(values, row));
  const faults: FormFaults = {};
  const parsed = ShippingTableToWriteSchema.safeParse({ items: rows });
  for (const { path, message } of parsed.error?.issues ?? []) {
    const name = `${fieldOf(path.slice(2).map(String))}-${numbers[Number(path[1])] ?? 0}`;
    const isEmpty = (values[name] ?? '').trim() === '';
    faults[name] ??= isEmpty ? 'Please fill this in.' : sentenceOf(name, message);
  }
  const holidays = readHolidayLines(values, faults);
  if (!parsed.success || Object.keys(faults).length > 0) return { faults };
  return { terms: { table: parsed.data.items as ShippingTable, holidays }, faults };
}

function readRow(values: FormValues, row: number): unknown {
  const text = (field: string) => (values[`${field}-${row}`] ?? '').trim();
  const number = (field: string) => (/^\d{1,3}$/.test(text(field)) ? Number(text(field)) : Number.NaN);
  const amount = (field: string) => ({ amount: toCents(text(field)), currency: 'EUR' });
  return {
    id:
      text('id') ||
      text('name')
        .toLowerCase()
        .replaceAll(/[^\w-]+/g, '-')
        .slice(0, 40),
    name: text('name'),
    countries: text('countries')
      .split(/[\s,;]+/)
      .filter(Boolean),
    price: amount('price'),
    freeFrom: text('freeFrom') === '' ? null : amount('freeFrom'),
    days: { min: number('min'), max: number('max') },
  };
}

/** The row's field that a fault of the schema belongs to. */
function fieldOf([member = 'name', inner]: string[]): string {
  return member === 'days' ? (inner ?? 'max') : member;
}

function sentenceOf(name: string, message: string): string {
  if (/^(price|freeFrom)-/.test(name)) return 'An amount such as 4.90.';
  if (/^(min|max)-/.test(name) && !/less/.test(message)) return 'A whole number of days, up to 365.';
  return `This ${message}.`;
}

function readHolidayLines(values: FormValues, faults: FormFaults) {
  const lines = holidayLines(values['holidays'] ?? '');
  try {
    if (lines.length > mostHolidays) throw new Error('There are more than 1,000 lines');
    return values['holidays'] === undefined ? undefined : listHolidays(lines);
  } catch (error) {
    faults['holidays'] = `${(error as Error).message}.`;
    return undefined;
  }
}
