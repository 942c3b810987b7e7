import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { extractVat, findVatRate, type OrderToPrice, priceOrder } from '../../origin/checkout/price-order.ts';
import { countries } from '../../origin/order/shipping-address.ts';

const at = new Date('2026-11-30T12:00:00Z');
const adult = { isForChildren: false };
const item = (amount: number, change = {}) => ({ amount, isForChildren: false, isPromoted: true, ...change });
const price = (change: Partial<OrderToPrice>) =>
  priceOrder({ items: [item(10_000)], shippingAmount: 0, country: 'DE', at, ...change });

describe('VAT', () => {
  test('has a rate of its own in each country that orders are sent to', () => {
    const rates = countries.map(({ code }) => findVatRate(code, adult, at));
    expect(rates.every((rate) => rate >= 15 && rate <= 27)).toBe(true);
    expect(countries).toHaveLength(27);
    expect(findVatRate('HU', adult, at)).toBe(27);
    expect(findVatRate('FI', adult, at)).toBe(25.5);
  });

  test.each([
    ['DE', '2020-06-30T23:59:59Z', 19],
    ['DE', '2020-07-01T00:00:00Z', 16],
    ['DE', '2021-01-01T00:00:00Z', 19],
    ['EE', '2025-06-30T12:00:00Z', 22],
    ['EE', '2025-07-01T12:00:00Z', 24],
    ['RO', '2025-08-01T12:00:00Z', 21],
    ['SK', '2024-12-31T12:00:00Z', 20],
    ['SE', '1970-01-01T00:00:00Z', 25],
  ])('of %s is at %s what it was on that day', (country, day, rate) => {
    expect(findVatRate(country, adult, new Date(day))).toBe(rate);
  });

  test('of children’s clothes is nothing in Ireland, and delivery is divided among the rates', () => {
    const items = [item(6_000, { isForChildren: true }), item(3_000)];
    const { tax, total } = price({ items, shippingAmount: 300, country: 'IE' });
    expect(total).toBe(9_300);
    expect(tax).toEqual([
      { rate: 23, net: 3_100 - 580, tax: 580 },
      { rate: 0, net: 6_200, tax: 0 },
    ]);
    expect(price({ items, country: 'DE' }).tax.map(({ rate }) => rate)).toEqual([19]);
  });

  test('is within the price, rounded to the cent', () => {
    expect(extractVat(11_900, 19)).toEqual({ rate: 19, net: 10_000, tax: 1_900 });
    expect(extractVat(1_999, 25.5)).toEqual({ rate: 25.5, net: 1_593, tax: 406 });
    expect(extractVat(0, 19)).toEqual({ rate: 19, net: 0, tax: 0 });
  });
});

describe('a promotion', () => {
  test.each([
    ['takes its percentage', { kind: 'percent', value: 15 }, 1_500, 8_990],
    ['takes all at a hundred percent, but for delivery', { kind: 'percent', value: 100 }, 10_000, 490],
    ['takes its amount', { kind: 'amount', value: 2_500 }, 2_500, 7_990],
    ['never takes more than the goods cost', { kind: 'amount', value: 99_999 }, 10_000, 490],
    ['makes delivery free', { kind: 'free-shipping', value: 0 }, 490, 10_000],
  ] as const)('%s', (_what, promotion, discount, total) => {
    expect(price({ promotion, shippingAmount: 490 })).toMatchObject({ discount, total });
  });

  test('takes from what it is for alone', () => {
    const items = [item(10_000), item(5_000, { isPromoted: false })];
    const found = price({ items, promotion: { kind: 'percent', value: 50 } });
    expect(found.items.map(({ discount }) => discount)).toEqual([5_000, 0]);
    expect(found.total).toBe(10_000);
  });
});

test('Whatever is ordered, lines, discount, delivery and VAT add up to the cent', () => {
  const items = fc.array(
    fc.record({ amount: fc.nat(2_000_000_000), isForChildren: fc.boolean(), isPromoted: fc.boolean() }),
    { minLength: 1, maxLength: 30 },
  );
  const promotion = fc.option(
    fc.oneof(
      fc.record({ kind: fc.constant('percent' as const), value: fc.integer({ min: 1, max: 100 }) }),
      fc.record({ kind: fc.constant('amount' as const), value: fc.nat(2_000_000_000) }),
      fc.record({ kind: fc.constant('free-shipping' as const), value: fc.constant(0) }),
    ),
    { nil: undefined },
  );
  const country = fc.constantFrom(...countries.map(({ code }) => code));
  fc.assert(
    fc.property(items, promotion, country, fc.nat(100_000), (items, promotion, country, shippingAmount) => {
      const found = priceOrder({ items, promotion, country, shippingAmount, at });
      const sum = (amounts: number[]) => amounts.reduce((all, amount) => all + amount, 0);
      expect(found.total).toBe(sum(items.map(({ amount }) => amount)) + shippingAmount - found.discount);
      expect(sum(found.tax.map(({ net, tax }) => net + tax))).toBe(found.total);
      const ofLines = sum(found.items.map(({ discount }) => discount));
      expect(ofLines).toBe(promotion?.kind === 'free-shipping' ? 0 : found.discount);
      for (const [index, { discount }] of found.items.entries()) {
        expect(discount).toBeGreaterThanOrEqual(0);
        expect(discount).toBeLessThanOrEqual(items[index]!.isPromoted ? items[index]!.amount : 0);
      }
      expect(found.tax.every(({ net, tax }) => net >= 0 && tax >= 0)).toBe(true);
    }),
    { numRuns: 300 },
  );
});
