// Money as whole minor units of the shop's one currency, and its only formatter.
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

const format = new Intl.NumberFormat('en-IE', { style: 'currency', currency: shopCurrency });

/** For people, such as `€19.99`. */
export function formatMoney(amount: number): string {
  return format.format(amount / 100);
}

const amount = z.int().min(0).max(2_147_483_647).openapi({ description: 'Minor units' });
const example = { amount: 1_999, currency: shopCurrency };

/** In an answer. */
export const MoneySchema = z
  .object({ amount, currency: z.literal(shopCurrency).openapi({ description: 'ISO 4217' }) })
  .openapi('Money', { example });

/** In a request: nothing else may stand beside it. */
export const MoneyToWriteSchema = z
  .strictObject({ amount, currency: z.literal(shopCurrency) })
  .openapi('MoneyToWrite', { example });
