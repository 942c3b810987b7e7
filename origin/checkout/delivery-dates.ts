// Computes on which days a parcel arrives: working days after the order, by the seller's weekends and holidays.
// Also formats delivery and VAT.
import { readFileSync } from 'node:fs';
import { formatMoney } from '../web/money.ts';

/** The first and the last day of arrival, each ISO 8601. */
export interface DeliveryDates {
  from: string;
  to: string;
}

export interface PromiseContext {
  nowMs: number;
  /** The seller's country: two letters. */
  shopCountry: string;
  holidays?: Holidays;
}

/** Days such as `2026-12-24`, and days of every year such as `12-25`. */
export type Holidays = ReadonlySet<string>;

export interface Holiday {
  day: string;
  name: string;
}

/** Reads a list with one holiday in each line, its name after the day. @throws where a line has no valid day */
export function readHolidays(text: string): Holidays {
  return toDays(listHolidays(text.split('\n').filter((line) => line.startsWith('- '))));
}

/** @param lines such as `- 12-25 Christmas Day`; the dash may be left out */
export function listHolidays(lines: string[]): Holiday[] {
  return lines.map((line) => {
    const [, day, name = ''] = /^(?:- )?((?:\d{4}-)?\d\d-\d\d)\b\s*(.*)$/.exec(line.trim()) ?? [];
    if (day === undefined || !isHoliday(day))
      throw new Error(`Cannot read the holiday '${line}': it must begin like '- 2026-12-24' or '- 12-25'`);
    return { day, name };
  });
}

export function toDays(holidays: Holiday[]): Holidays {
  return new Set(holidays.map(({ day }) => day));
}

/** Accepts days such as `2026-12-24`, and `12-25` for a day of every year. */
export function isHoliday(day: string): boolean {
  return /^(\d{4}-)?\d\d-\d\d$/.test(day) && isOfCalendar(day.length === 5 ? `2028-${day}` : day);
}

function isOfCalendar(day: string): boolean {
  const time = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day);
}

/** The holidays of the list that comes with the shop. */
export const usualHolidays = listHolidays(
  readFileSync(new URL('holidays.md', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('- ')),
);
const usualDays = toDays(usualHolidays);

/** @param days working days, counted from the day after the order; that day is by the seller's clock */
export function promiseDelivery(
  days: { min: number; max: number },
  { nowMs, shopCountry, holidays = usualDays }: PromiseContext,
): DeliveryDates {
  const today = dayOfShop(nowMs, shopCountry);
  return { from: addWorkingDays(today, days.min, holidays), to: addWorkingDays(today, days.max, holidays) };
}

/** The day by the seller's clock, ISO 8601. */
export function dayOfShop(nowMs: number, shopCountry: string): string {
  const zone = timeZones[shopCountry] ?? 'Europe/Berlin';
  let format = dayFormats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' });
    dayFormats.set(zone, format);
  }
  return format.format(nowMs);
}

const dayFormats = new Map<string, Intl.DateTimeFormat>();

/** Time zones of all member states that do not use Berlin's time. */
const timeZones: Record<string, string> = {
  BG: 'Europe/Sofia',
  CY: 'Asia/Nicosia',
  EE: 'Europe/Tallinn',
  FI: 'Europe/Helsinki',
  GR: 'Europe/Athens',
  IE: 'Europe/Dublin',
  LT: 'Europe/Vilnius',
  LV: 'Europe/Riga',
  PT: 'Europe/Lisbon',
  RO: 'Europe/Bucharest',
};

function addWorkingDays(day: string, count: number, holidays: Holidays): string {
  let at = Date.parse(`${day}T00:00:00Z`);
  let left = count;
  // With zero days a parcel arrives today or on the next working day. The bound ends the loop if a list had no
  // working day.
  for (let steps = 0; steps < 3_660; steps += 1) {
    if (left <= 0 && isWorkingDay(at, holidays)) break;
    at += 86_400_000;
    if (isWorkingDay(at, holidays)) left -= 1;
  }
  return new Date(at).toISOString().slice(0, 10);
}

function isWorkingDay(atMs: number, holidays: Holidays): boolean {
  const day = new Date(atMs).toISOString().slice(0, 10);
  const weekday = new Date(atMs).getUTCDay();
  return weekday !== 0 && weekday !== 6 && !holidays.has(day) && !holidays.has(day.slice(5));
}

const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = 'January February March April May June July August September October November December'.split(
  ' ',
);

/** Formats a day, such as `Wed 2 December`. @param day ISO 8601 */
export function formatDayOfWeek(day: string): string {
  const date = new Date(`${day}T00:00:00Z`);
  return `${weekdays[date.getUTCDay()]} ${date.getUTCDate()} ${months[date.getUTCMonth()]}`;
}

/** Formats a range of days, such as `Wed 2 – Fri 4 December`. */
export function formatDates({ from, to }: DeliveryDates): string {
  if (from === to) return formatDayOfWeek(from);
  const isSameMonth = from.slice(0, 7) === to.slice(0, 7);
  const first = formatDayOfWeek(from);
  return `${isSameMonth ? first.slice(0, first.lastIndexOf(' ')) : first} – ${formatDayOfWeek(to)}`;
}

/** Formats a price of delivery, for pages, mails and invoices alike. */
export function priceOrFree(amount: number): string {
  return amount === 0 ? 'Free' : formatMoney(amount);
}

/** Formats a rate, such as `25.5 %`. */
export function formatRate(rate: number): string {
  return `${rate} %`;
}

/** Formats a range of days, such as `2 to 5 working days`. */
export function formatDays({ min, max }: { min: number; max: number }): string {
  const range = min === max ? `${max}` : `${min} to ${max}`;
  return `${range} working day${max === 1 ? '' : 's'}`;
}

/** Describes the price of the cheapest delivery. @returns undefined where nothing is delivered */
export function describeCheapest(amounts: number[]): string | undefined {
  if (amounts.length === 0) return undefined;
  const lowest = Math.min(...amounts);
  return lowest > 0 && amounts.length > 1 ? `From ${formatMoney(lowest)}` : priceOrFree(lowest);
}
