// On which days a parcel arrives, by weekends, holidays and the seller's clock, and what pages say about it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  dayOfShop,
  formatDates,
  promiseDelivery,
  readHolidays,
} from '../../origin/checkout/delivery-dates.ts';

const holidays = readHolidays('# Holidays\n\nText.\n- 12-25 Christmas Day\n- 2026-12-24\n');
const at = (time: string, days: { min: number; max: number }, shopCountry = 'DE') =>
  promiseDelivery(days, { nowMs: Date.parse(time), shopCountry, holidays });
const few = { min: 2, max: 4 };

describe('a parcel arrives', () => {
  test.each([
    ['working days after the order', '2026-11-30T10:00:00Z', few, 'Wed 2 – Fri 4 December'],
    ['not on a weekend', '2026-12-03T10:00:00Z', few, 'Mon 7 – Wed 9 December'],
    [
      'as if ordered on Friday when ordered on Sunday',
      '2026-12-06T10:00:00Z',
      few,
      'Tue 8 – Thu 10 December',
    ],
    [
      'not on a holiday of this year or of every year',
      '2026-12-22T10:00:00Z',
      { min: 1, max: 2 },
      'Wed 23 – Mon 28 December',
    ],
    [
      'in the next month and year',
      '2026-12-30T10:00:00Z',
      { min: 1, max: 3 },
      'Thu 31 December – Mon 4 January',
    ],
    ['on one day where it takes one', '2026-12-01T10:00:00Z', { min: 1, max: 1 }, 'Wed 2 December'],
    ['today where it takes none', '2026-12-01T10:00:00Z', { min: 0, max: 0 }, 'Tue 1 December'],
    [
      'on Monday where it takes none and is Sunday',
      '2026-12-06T10:00:00Z',
      { min: 0, max: 0 },
      'Mon 7 December',
    ],
  ])('%s', (_, time, days, expected) => {
    expect(formatDates(at(time, days))).toBe(expected);
  });

  test('by the seller’s midnight, in winter and in summer', () => {
    expect(dayOfShop(Date.parse('2026-12-01T22:59:59Z'), 'DE')).toBe('2026-12-01');
    expect(dayOfShop(Date.parse('2026-12-01T23:00:00Z'), 'DE')).toBe('2026-12-02');
    expect(dayOfShop(Date.parse('2026-07-01T22:00:00Z'), 'DE')).toBe('2026-07-02');
    expect(dayOfShop(Date.parse('2026-12-01T23:00:00Z'), 'PT')).toBe('2026-12-01');
    expect(dayOfShop(Date.parse('2026-12-01T22:00:00Z'), 'FI')).toBe('2026-12-02');
  });

  test('never on a day without work, and never earlier for who orders later', () => {
    const first = Date.parse('2026-01-01T12:00:00Z');
    fc.assert(
      fc.property(fc.nat(1_000), fc.nat(20), fc.nat(20), (day, min, more) => {
        const of = (offset: number) =>
          at(new Date(first + offset * 86_400_000).toISOString(), { min, max: min + more });
        const [{ from, to }, later] = [of(day), of(day + 1)];
        for (const date of [from, to]) {
          expect([0, 6]).not.toContain(new Date(date).getUTCDay());
          expect(holidays.has(date) || holidays.has(date.slice(5))).toBe(false);
        }
        expect(from <= to && from <= later.from && to <= later.to).toBe(true);
      }),
    );
  });
});

test('A list of holidays that cannot be read says which line is wrong', () => {
  for (const line of ['- Christmas', '- 2026-13-01', '- 2026-02-30', '- 1-1'])
    expect(() => readHolidays(`- 12-25\n${line}`)).toThrow(line);
  expect(readHolidays('- 02-29 Leap day').has('02-29')).toBe(true);
});
