// Invoices and credit notes as sums: the VAT is right to the cent after any purchase, discount and refund. The
// e-invoices of both keep the rules of EN 16931.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { priceOrder } from '../../origin/checkout/price-order.ts';
import { Refusal } from '../../origin/errors.ts';
import { type Credit, composeCredit } from '../../origin/order/invoice/compose-invoice.ts';
import type { InvoiceContent } from '../../origin/order/invoice/invoice-content.ts';
import { findVatNumber, writeInvoiceXml } from '../../origin/order/invoice/invoice-xml.ts';
import { centsAt, findInvoiceFaults, nodesAt, parseXml, textAt } from './e-invoice.ts';

const at = '2026-11-30T10:00:00.000Z';
const seller = ['MyClothes GmbH', 'Lange Straße 1', '10115 Berlin', 'USt-IdNr. DE 123 456 789'];

interface Bought {
  lines: { unitPrice: number; quantity: number; isForChildren: boolean }[];
  shippingAmount: number;
  promotion: { kind: 'percent' | 'amount' | 'free-shipping'; value: number } | undefined;
  country: string;
}

function invoiceOf({ lines, shippingAmount, promotion, country }: Bought): InvoiceContent {
  const items = lines.map(({ unitPrice, quantity, isForChildren }) => ({
    amount: unitPrice * quantity,
    isForChildren,
    isPromoted: true,
  }));
  const price = priceOrder({ items, shippingAmount, promotion, country, at: new Date(at) });
  return {
    number: 'INV-000001',
    issuedAt: at,
    orderNumber: 'MC-7F3KQ-2PDX9',
    orderedAt: at,
    seller,
    sellerCountry: 'DE',
    buyer: ['Ada & <Byron>', '1 Long Lane', 'D01 F5P2 Dublin', 'Ireland'],
    buyerAddress: {
      name: 'Ada & <Byron>',
      line1: '1 Long Lane',
      line2: undefined,
      city: 'Dublin',
      postalCode: 'D01 F5P2',
      country,
    },
    deliveredTo: ['Ada', '1 Long Lane'],
    deliveryCountry: country,
    lines: lines.map(({ unitPrice, quantity }, index) => ({
      what: `Tee "${index}" \u0007`,
      sku: `TEE-${index}`,
      quantity,
      unitPrice,
      amount: unitPrice * quantity,
      ...price.items[index]!,
    })),
    discount: promotion && { code: 'SPRING', amount: price.discount },
    shipping: { name: 'Standard', amount: shippingAmount },
    tax: price.tax,
    total: price.total,
    paid: price.total,
    isDemonstration: false,
  };
}

/** Ireland taxes children's clothes at 0 %; Luxembourg and Finland have rates that cause rounding. */
const anyBought: fc.Arbitrary<Bought> = fc.record({
  lines: fc.array(
    fc.record({
      unitPrice: fc.integer({ min: 1, max: 40_000 }),
      quantity: fc.integer({ min: 1, max: 99 }),
      isForChildren: fc.boolean(),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  shippingAmount: fc.constantFrom(0, 490, 991),
  promotion: fc.option(
    fc.record({
      kind: fc.constantFrom('percent' as const, 'amount' as const, 'free-shipping' as const),
      value: fc.integer({ min: 0, max: 100 }),
    }),
    { nil: undefined },
  ),
  country: fc.constantFrom('IE', 'LU', 'FI', 'DE', 'HU'),
});

const anyCredit = fc.record({
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  pieces: fc.array(fc.record({ at: fc.nat(6), quantity: fc.integer({ min: 1, max: 9 }) }), { maxLength: 3 }),
});

const asCreditNote = (invoice: InvoiceContent, credit: Credit, earlier: InvoiceContent[]): InvoiceContent => {
  const { discount: _, ...said } = invoice;
  return {
    ...said,
    ...composeCredit(invoice, earlier, credit),
    number: 'CN-000001',
    credits: { invoiceNumber: invoice.number, invoicedAt: at, reason: 'Pieces came back' },
  };
};

const sum = (amounts: number[]) => amounts.reduce((all, amount) => all + amount, 0);

describe('an e-invoice', () => {
  test('keeps the rules of EN 16931 for any goods, country and promotion code', () => {
    fc.assert(
      fc.property(anyBought, fc.boolean(), (bought, isPaid) => {
        const invoice = { ...invoiceOf(bought), ...(isPaid ? {} : { paid: 1 }) };
        const xml = writeInvoiceXml(invoice);
        expect(findInvoiceFaults(xml)).toEqual([]);
        expect(centsAt(parseXml(xml), 'LegalMonetaryTotal/TaxInclusiveAmount')).toBe(invoice.total);
      }),
      { numRuns: 300 },
    );
  });

  test('keeps them for an order of a release that stored no discounts of lines', () => {
    const invoice = invoiceOf({
      lines: [{ unitPrice: 1_999, quantity: 3, isForChildren: false }],
      shippingAmount: 490,
      promotion: { kind: 'percent', value: 10 },
      country: 'DE',
    });
    for (const line of invoice.lines) delete line.discount;
    for (const name of ['buyerAddress', 'deliveryCountry', 'sellerCountry', 'paid'] as const)
      delete invoice[name];
    expect(
      findInvoiceFaults(writeInvoiceXml({ ...invoice, buyer: ['Ada', 'Long Lane', 'Dublin', 'Ireland'] })),
    ).toEqual([]);
  });

  test('names seller, company and VAT number, and leaves out what XML cannot hold', () => {
    const invoice = invoiceOf({
      lines: [{ unitPrice: 1_999, quantity: 1, isForChildren: false }],
      shippingAmount: 0,
      promotion: undefined,
      country: 'DE',
    });
    const root = parseXml(
      writeInvoiceXml({
        ...invoice,
        buyerAddress: { ...invoice.buyerAddress!, company: 'Byron Ltd', vatNumber: 'IE1234567T' },
      }),
    );
    const party = (who: string) => nodesAt(root, `Accounting${who}Party/Party`)[0]!;
    const parts = [
      'PostalAddress/StreetName',
      'PostalAddress/PostalZone',
      'PostalAddress/CityName',
      'PartyTaxScheme/CompanyID',
    ];
    expect(parts.map((path) => textAt(party('Supplier'), path))).toEqual([
      'Lange Straße 1',
      '10115',
      'Berlin',
      'DE123456789',
    ]);
    expect(textAt(party('Customer'), 'PartyLegalEntity/RegistrationName')).toBe('Byron Ltd');
    expect(textAt(party('Customer'), 'Contact/Name')).toBe('Ada & <Byron>');
    expect(textAt(party('Customer'), 'PartyTaxScheme/CompanyID')).toBe('IE1234567T');
    expect(textAt(root, 'InvoiceLine/Item/Name')).toBe('Tee "0"  ');
  });

  test('is refused where the seller has no VAT number, as it would not be valid', () => {
    const invoice = invoiceOf({
      lines: [{ unitPrice: 100, quantity: 1, isForChildren: false }],
      shippingAmount: 0,
      promotion: undefined,
      country: 'DE',
    });
    for (const lines of [[], ['MyClothes'], ['MyClothes', 'info@example.com', '10115 Berlin']])
      expect(() => writeInvoiceXml({ ...invoice, seller: lines })).toThrow(Refusal);
    expect(
      ['VAT IE6388047V', 'ATU12345678', 'EL 123456789', 'Paris', 'HRB 123456789', 'RO 1234'].map(
        findVatNumber,
      ),
    ).toEqual(['IE6388047V', 'ATU12345678', 'EL123456789', undefined, undefined, 'RO1234']);
  });

  test('is found to be wrong by a cent, a missing party and a wrong order', () => {
    const xml = writeInvoiceXml(
      invoiceOf({
        lines: [{ unitPrice: 1_999, quantity: 2, isForChildren: false }],
        shippingAmount: 0,
        promotion: undefined,
        country: 'DE',
      }),
    );
    expect(findInvoiceFaults(xml.replace(/(<cbc:TaxExclusiveAmount[^>]*>)33\.60/, '$133.61'))).toContain(
      'BR-CO-13',
    );
    expect(
      findInvoiceFaults(
        xml.replace(/<cbc:RegistrationName>MyClothes GmbH<\/cbc:RegistrationName>/, '<cbc:X>-</cbc:X>'),
      ),
    ).toContain('BR-06');
    expect(findInvoiceFaults(xml.replace(/(<cbc:ID>INV.*\n)(.*\n)/, '$2$1'))).toContain('order of root');
  });
});

describe('credit notes', () => {
  test('never take back more than the invoice by any rate, add up, and keep the rules of EN 16931', () => {
    fc.assert(
      fc.property(anyBought, fc.array(anyCredit, { maxLength: 6 }), (bought, credits) => {
        const invoice = invoiceOf(bought);
        const notes: InvoiceContent[] = [];
        // The last credit note takes back all that is left.
        for (const { share, pieces } of [...credits, { share: 1, pieces: [] }]) {
          const left = invoice.total - sum(notes.map((note) => note.total));
          const amount = Math.round(left * share);
          if (amount === 0) continue;
          const worth = pieces.map((piece) => ({
            ...piece,
            value: piece.quantity * (invoice.lines[piece.at]?.unitPrice ?? 0),
          }));
          const note = asCreditNote(invoice, { amount, pieces: worth, restIs: 'Delivery' }, notes);
          expect(note.total).toBe(amount);
          expect(sum(note.lines.map((line) => line.amount))).toBe(amount);
          expect(sum(note.tax.map(({ net, tax }) => net + tax))).toBe(amount);
          expect(findInvoiceFaults(writeInvoiceXml(note))).toEqual([]);
          notes.push(note);
        }
        for (const { rate, net, tax } of invoice.tax) {
          const ofRate = notes.flatMap((note) => note.tax.filter((one) => one.rate === rate));
          expect([sum(ofRate.map((one) => one.net)), sum(ofRate.map((one) => one.tax))]).toEqual([net, tax]);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('name the returned pieces where the refund is for them', () => {
    const invoice = invoiceOf({
      lines: [
        { unitPrice: 1_999, quantity: 2, isForChildren: false },
        { unitPrice: 900, quantity: 1, isForChildren: true },
      ],
      shippingAmount: 490,
      promotion: undefined,
      country: 'IE',
    });
    const { lines, tax } = composeCredit(invoice, [], {
      amount: 2_389,
      pieces: [{ at: 0, quantity: 1, value: 1_999 }],
      restIs: 'Delivery',
    });
    expect(
      lines.map(({ what, quantity, amount, rate }) => [what.slice(0, 3), quantity, amount, rate]),
    ).toEqual([
      ['Tee', 1, 1_999, 23],
      ['Del', 1, expect.any(Number), 23],
      ['Del', 1, expect.any(Number), 0],
    ]);
    expect(sum(tax.map(({ net, tax: vat }) => net + vat))).toBe(2_389);
  });
});
