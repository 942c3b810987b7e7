// Words for delivery and VAT, the same on pages, in mails and on invoices.
import { formatMoney } from '../web/money.ts';

export function priceOrFree(amount: number): string {
  return amount === 0 ? 'Free' : formatMoney(amount);
}

/** Such as `25.5 %`. */
export function formatRate(rate: number): string {
  return `${rate} %`;
}

/** Such as `2 to 5 working days`. */
export function formatDays({ min, max }: { min: number; max: number }): string {
  const range = min === max ? `${max}` : `${min} to ${max}`;
  return `${range} working day${max === 1 ? '' : 's'}`;
}

/** Of the cheapest way. @returns undefined where nothing is delivered */
export function describeCheapest(amounts: number[]): string | undefined {
  if (amounts.length === 0) return undefined;
  const lowest = Math.min(...amounts);
  return lowest > 0 && amounts.length > 1 ? `From ${formatMoney(lowest)}` : priceOrFree(lowest);
}
