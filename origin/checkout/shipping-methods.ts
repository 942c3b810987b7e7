// Delivery methods: the table that staff write as a whole, and which methods go to a country at what price.
import { setTimeout as delay } from 'node:timers/promises';
import { z } from '@hono/zod-openapi';
import { sql } from 'kysely';
import type { TagVersions } from '../../http/cache-tag.ts';
import { trustedMs } from '../cache/memory.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { addToOutbox } from '../outbox/events.ts';
import type { DbOrTx, Tx } from '../schema.ts';
import { CountryCode, optionalText, plainText } from '../web/api/plain-text.ts';
import { MoneySchema, MoneyToWriteSchema, money } from '../web/money.ts';
import {
  dayOfShop,
  formatDates,
  formatDayOfWeek,
  type Holiday,
  type Holidays,
  isHoliday,
  type PromiseContext,
  promiseDelivery,
  toDays,
  usualHolidays,
} from './delivery-dates.ts';
import type { ChosenShipping } from './price-order.ts';

const days = (limit: z.ZodInt) => ({ min: limit, max: limit });
const exampleMethod = {
  id: 'standard',
  name: 'Standard',
  price: { amount: 490, currency: 'EUR' as const },
  freeFrom: { amount: 5_000, currency: 'EUR' as const },
  days: { min: 2, max: 5 },
};

export const ShippingDaysSchema = z
  .object(days(z.int().min(0)))
  .openapi('ShippingDays', { description: 'Working days', example: exampleMethod.days });

const exampleDates = { from: '2026-12-02', to: '2026-12-07' };

export const DeliveryDatesSchema = z
  .object({ from: z.iso.date(), to: z.iso.date() })
  .openapi('DeliveryDates', { description: 'The first and the last day', example: exampleDates });

const members = { id: z.string(), name: z.string(), price: MoneySchema, days: ShippingDaysSchema };
const freeFrom = { description: 'Goods of this amount or more travel free' };

export const ShippingMethodSchema = z
  .object({ ...members, freeFrom: MoneySchema.optional().openapi(freeFrom) })
  .openapi('ShippingMethod', { example: exampleMethod });

const exampleRow = { ...exampleMethod, countries: ['DE', 'AT'] };

export const ShippingTableSchema = z
  .object({
    items: z.array(
      z
        .object({
          ...members,
          countries: z.array(z.string()),
          freeFrom: MoneySchema.optional().openapi(freeFrom),
        })
        .openapi('ShippingTableRow', { example: exampleRow }),
    ),
  })
  .openapi('ShippingTable', { example: { items: [exampleRow] } });

const RowToWrite = z
  .strictObject({
    id: z.string().regex(/^[\w-]{1,40}$/, { error: 'must be 1 to 40 letters, digits or hyphens' }),
    name: plainText(100),
    countries: z.array(CountryCode).min(1).max(300),
    price: MoneyToWriteSchema,
    freeFrom: MoneyToWriteSchema.nullish().transform((found) => found ?? undefined),
    days: z
      .strictObject(days(z.int().min(0).max(365)))
      .refine(({ min, max }) => min <= max, { path: ['max'], error: 'must not be less than min' })
      .openapi('ShippingDaysToWrite', { example: exampleMethod.days }),
  })
  .openapi('ShippingTableRowToWrite', { example: exampleRow });

/** A method may have several rows, for example with another price for other countries. */
export const ShippingTableToWriteSchema = z
  .strictObject({
    items: z
      .array(RowToWrite)
      .max(200)
      .superRefine((rows, context) => {
        const seen = new Set<string>();
        for (const [index, { id, countries }] of rows.entries()) {
          for (const country of countries) {
            if (!seen.has(`${id} ${country}`)) seen.add(`${id} ${country}`);
            else
              context.addIssue({
                code: 'custom',
                path: [index, 'countries'],
                message: `names ${country} a second time for ${id}`,
              });
          }
        }
      }),
  })
  .openapi('ShippingTableToWrite', { example: { items: [exampleRow] } });

const exampleHolidays = [
  { day: '12-25', name: 'Christmas Day' },
  { day: '2027-03-29', name: 'Easter Monday' },
];
const day = z
  .string()
  .openapi({ description: 'Such as `2027-03-29`, or `12-25` for that day of every year' });
export const mostHolidays = 1_000;

export const HolidaysSchema = z
  .object({
    items: z.array(z.object({ day, name: z.string() }).openapi('Holiday', { example: exampleHolidays[0] })),
  })
  .openapi('HolidayList', { example: { items: exampleHolidays } });

export const HolidaysToWriteSchema = z
  .strictObject({
    items: z
      .array(
        z.strictObject({
          day: day.refine(isHoliday, { error: 'must be a day such as 2027-03-29, or 12-25 for every year' }),
          name: optionalText(100).transform((name) => name ?? ''),
        }),
      )
      .max(mostHolidays, { error: `must have at most ${mostHolidays} days` })
      .refine((items) => new Set(items.map((item) => item.day)).size === items.length, {
        error: 'must name each day once',
      }),
  })
  .openapi('HolidaysToWrite', { example: { items: exampleHolidays } });

export type ShippingTable = z.infer<typeof ShippingTableSchema>['items'];
type ShippingMethod = z.infer<typeof ShippingMethodSchema>;

/** Reads the table from Postgres, in the transaction that depends on it. */
export async function readShippingTable(db: DbOrTx): Promise<ShippingTable> {
  const rows = await db.selectFrom('shipping_methods').selectAll().orderBy('position').execute();
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    countries: row.countries,
    price: money(row.price_amount),
    ...(row.free_from_amount === null ? {} : { freeFrom: money(row.free_from_amount) }),
    days: { min: row.min_days, max: row.max_days },
  }));
}

const tableTag = 'shipping-methods';

/** Reads the seller's holidays from Postgres. */
export async function readSellersHolidays(db: DbOrTx): Promise<Holiday[]> {
  const { holidays } = await db.selectFrom('shipping_version').select('holidays').executeTakeFirstOrThrow();
  return holidays ?? usualHolidays;
}

/** Reads holidays through the cache. Where none are known, the list that comes with the shop is used. */
export async function readKnownHolidays(deps: Pick<Deps, 'cache'>): Promise<Holidays> {
  const key = 'holidays';
  const found = await deps.cache
    .read<Holiday[]>({
      key,
      fromReplicas: true,
      fill: async (db) => {
        const tags = await readShippingTagVersions(db, [tableTag]);
        return { value: await readSellersHolidays(db), tags };
      },
    })
    .catch(() => deps.cache.readStale<Holiday[]>(key));
  return toDays(found?.value ?? usualHolidays);
}

/** Reads the table through the cache; while Postgres is away, as it was last known. @throws where nothing is known */
export async function readKnownShippingTable(deps: Pick<Deps, 'cache'>): Promise<ShippingTable> {
  try {
    return (await deps.cache.read({ key: tableTag, fromReplicas: true, fill: fillTable })).value;
  } catch (error) {
    const stale = await deps.cache.readStale<ShippingTable>(tableTag);
    if (stale === undefined) throw error;
    return stale.value;
  }
}

/** Reads the table with its tag, for a shared page that shows it. A change of the table makes that page old. */
export async function fillTable(db: DbOrTx): Promise<{ value: ShippingTable; tags: TagVersions }> {
  // The version is read before the rows. A change in between makes the entry too old, but never too new.
  const tags = await readShippingTagVersions(db, [tableTag]);
  return { value: await readShippingTable(db), tags };
}

export async function readShippingTagVersions(db: DbOrTx, tags: string[]): Promise<TagVersions> {
  if (!tags.includes(tableTag)) return {};
  const { version } = await db.selectFrom('shipping_version').select('version').executeTakeFirstOrThrow();
  return { [tableTag]: version };
}

/** A member that is undefined stays as it is. */
export interface DeliveryTerms {
  table?: ShippingTable;
  holidays?: Holiday[] | undefined;
}

/** Locks the table and the holidays by their version's row. @returns the version, which a form shows and sends back */
export async function lockDeliveryTerms(tx: Tx): Promise<number> {
  const row = await tx.selectFrom('shipping_version').select('version').forUpdate().executeTakeFirstOrThrow();
  return row.version;
}

/** @returns the tags to raise after the commit */
export async function replaceDeliveryTerms(tx: Tx, { table, holidays }: DeliveryTerms): Promise<TagVersions> {
  // The version's row is the lock of the whole table.
  const { version } = await tx
    .updateTable('shipping_version')
    .set({
      version: sql`version + 1`,
      ...(holidays === undefined ? {} : { holidays: JSON.stringify(holidays) }),
    })
    .returning('version')
    .executeTakeFirstOrThrow();
  if (table !== undefined) await replaceTable(tx, table);
  const tags = { [tableTag]: version };
  await addToOutbox(tx, 'invalidate', { tags });
  return tags;
}

async function replaceTable(tx: Tx, table: ShippingTable): Promise<void> {
  await tx.deleteFrom('shipping_methods').execute();
  if (table.length === 0) return;
  await tx
    .insertInto('shipping_methods')
    .values(
      table.map((row, position) => ({
        position,
        id: row.id,
        name: row.name,
        countries: row.countries,
        price_amount: row.price.amount,
        free_from_amount: row.freeFrom?.amount ?? null,
        min_days: row.days.min,
        max_days: row.days.max,
      })),
    )
    .execute();
}

/**
 * Raises the floor after the commit, so that the member of staff sees the new table. The worker raises it too, and
 * purges the edges.
 */
export async function raiseShippingFloor(
  { floors, log }: Pick<Deps, 'floors' | 'log'>,
  tags: TagVersions,
): Promise<void> {
  try {
    await floors.raise(tags);
    // Waits until no origin trusts its own memory any more.
    await delay(2 * trustedMs);
  } catch (error) {
    log.warn({ err: error }, 'the floor of the delivery methods will be raised by the worker');
  }
}

/** What a shared page says about delivery to the shop's country. It names the day that it was computed for. */
export interface DeliveryNote {
  method: string;
  /** Minor units. */
  amount: number;
  freeFrom?: number | undefined;
  country: string;
  /** Such as `Wed 2 – Fri 4 December`. */
  arrives: string;
  /** The day on which the order must be placed for that. */
  orderedOn: string;
}

/** @returns undefined where nothing is delivered to the shop's country. A change of table or day makes the tags old. */
export async function describeDelivery(
  db: DbOrTx,
  context: PromiseContext,
): Promise<{ value: DeliveryNote | undefined; tags: TagVersions }> {
  const { value: table, tags } = await fillTable(db);
  const { shopCountry: country, nowMs } = context;
  const holidays = toDays(await readSellersHolidays(db));
  const [method] = listMethods(table, country);
  if (method === undefined) return { value: undefined, tags };
  const { name, price, freeFrom, days } = method;
  return {
    value: {
      method: name,
      amount: price.amount,
      freeFrom: freeFrom?.amount,
      country,
      arrives: formatDates(promiseDelivery(days, { ...context, holidays })),
      orderedOn: formatDayOfWeek(dayOfShop(nowMs, country)),
    },
    tags,
  };
}

/** A timed task. A new day raises the version, so that all pages with delivery dates become old. */
export async function turnDay(tx: Tx, day: string): Promise<void> {
  const turned = await tx
    .updateTable('shipping_version')
    .set({ version: sql`version + 1`, day })
    .where(sql<boolean>`day is distinct from ${day}::date`)
    .returning('version')
    .executeTakeFirst();
  if (turned !== undefined) await addToOutbox(tx, 'invalidate', { tags: { [tableTag]: turned.version } });
}

/** Cheapest first, then fastest. */
export function listMethods(table: ShippingTable, country: string): ShippingMethod[] {
  return table
    .filter(({ countries }) => countries.includes(country))
    .map(({ countries: _, ...method }) => method)
    .sort((a, b) => a.price.amount - b.price.amount || a.days.max - b.days.max);
}

/** Lists what each method costs for goods of this amount, cheapest first. @param subtotal before any discount */
export function listChoices(table: ShippingTable, country: string, subtotal: number): ChosenShipping[] {
  return listMethods(table, country)
    .map(({ id, name, price, freeFrom, days }) => ({
      method: id,
      name,
      amount: freeFrom !== undefined && subtotal >= freeFrom.amount ? 0 : price.amount,
      days,
    }))
    .sort((a, b) => a.amount - b.amount);
}

/**
 * @param method undefined takes the cheapest
 * @throws Refusal 422 `no-delivery-there` where no method goes there, or not this one
 */
export function chooseShipping(choices: ChosenShipping[], country: string, method?: string): ChosenShipping {
  const chosen = method === undefined ? choices[0] : choices.find((choice) => choice.method === method);
  if (chosen !== undefined) return chosen;
  const message =
    choices.length === 0
      ? `Nothing is delivered to ${country}`
      : `This way of delivery does not go to ${country}`;
  throw new Refusal(422, 'no-delivery-there', message, {
    details: { methods: choices.map((choice) => choice.method) },
  });
}
