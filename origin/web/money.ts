// Money as whole minor units of the shop's one currency, with its only formatter, and days in words.
import { z } from '@hono/zod-openapi';

export const shopCurrency = 'EUR';

export interface Money {
  /** Minor units. */
  amount: number;
  currency: typeof shopCurrency;
}

export function money(amount: number): Money {
  return { amount, currency: shopCurrency };
}

const moneyFormat = new Intl.NumberFormat('en-IE', { style: 'currency', currency: shopCurrency });

/** Formats an amount for people, such as `€19.99`. */
export function formatMoney(amount: number): string {
  return moneyFormat.format(amount / 100);
}

const amount = z.int().min(0).max(2_147_483_647).openapi({ description: 'Minor units' });
const example = { amount: 1_999, currency: shopCurrency };

/** Money in an answer. */
export const MoneySchema = z
  .object({ amount, currency: z.literal(shopCurrency).openapi({ description: 'ISO 4217' }) })
  .openapi('Money', { example });

/** Money in a request. Further members are refused. */
export const MoneyToWriteSchema = z
  .strictObject({ amount, currency: z.literal(shopCurrency) })
  .openapi('MoneyToWrite', { example });

const dayFormat = new Intl.DateTimeFormat('en-IE', {
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  timeZone: 'UTC',
});

/**
 * Formats a time as its day in UTC, for people.
 * @param time ISO 8601
 * @returns a day such as `25 November 2026`
 */
export function formatDay(time: string): string {
  return dayFormat.format(new Date(time));
}
