// Writes an invoice or a credit note as UBL 2.1 with the semantics of EN 16931, for accounting programs.
import { extractVat } from '../../checkout/price-order.ts';
import { Refusal } from '../../errors.ts';
import { shopCurrency } from '../../web/money.ts';
import { type BillingAddress, countries } from '../shipping-address.ts';
import type { InvoiceContent, InvoiceLine } from './invoice-content.ts';

/** @throws Refusal 409 `seller-unknown` where SELLER names no VAT number; the invoice would not be valid without it */
export function writeInvoiceXml(content: InvoiceContent): string {
  const { number, issuedAt, credits, orderNumber, isDemonstration } = content;
  const kind = credits === undefined ? 'Invoice' : 'CreditNote';
  const notes = [
    credits?.reason,
    isDemonstration ? 'Demonstration: no money moved and nothing was sold.' : '',
  ];
  const body = [
    leaf('CustomizationID', 'urn:cen.eu:en16931:2017'),
    leaf('ID', number),
    leaf('IssueDate', issuedAt.slice(0, 10)),
    leaf(`${kind}TypeCode`, credits === undefined ? '380' : '381'),
    ...notes.map((note) => leaf('Note', note)),
    leaf('DocumentCurrencyCode', shopCurrency),
    node('OrderReference', leaf('ID', orderNumber)),
    credits &&
      node(
        'BillingReference',
        node(
          'InvoiceDocumentReference',
          leaf('ID', credits.invoiceNumber),
          leaf('IssueDate', credits.invoicedAt.slice(0, 10)),
        ),
      ),
    writeSeller(content),
    writeBuyer(content),
    writeDelivery(content),
    ...writeAmounts(content, kind),
  ];
  const namespaces = ['cac', 'cbc'].map(
    (prefix) =>
      `xmlns:${prefix}="urn:oasis:names:specification:ubl:schema:xsd:Common${prefix === 'cac' ? 'Aggregate' : 'Basic'}Components-2"`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<${kind} xmlns="urn:oasis:names:specification:ubl:schema:xsd:${kind}-2" ${namespaces.join(' ')}>
${join(body)}
</${kind}>
`;
}

type Xml = string | undefined;

/** Writes no element where the text is empty. */
function leaf(name: string, text: string | undefined, attributes = ''): Xml {
  return text ? `<cbc:${name}${attributes}>${escapeXml(text)}</cbc:${name}>` : undefined;
}

/** Writes no element where it would be empty. */
function node(name: string, ...children: Xml[]): Xml {
  const inner = join(children);
  return inner === '' ? undefined : `<cac:${name}>\n${inner}\n</cac:${name}>`;
}

function join(parts: Xml[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join('\n');
}

/** XML 1.0 does not allow most control characters, so a space replaces each. */
function escapeXml(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function amount(name: string, minorUnits: number): Xml {
  return leaf(name, inUnits(minorUnits), ` currencyID="${shopCurrency}"`);
}

function inUnits(minorUnits: number): string {
  return (minorUnits / 100).toFixed(2);
}

/** Greek VAT numbers begin with EL, not GR. The shop sells in the EU only. */
const vatPrefixes = [...countries.map(({ code }) => code), 'EL'].join('|');
const vatNumber = new RegExp(`(?:^|[^A-Z0-9])(${vatPrefixes})[ -]?([0-9A-Z][0-9A-Z .-]{1,16})$`, 'i');
/**
 * Countries whose VAT numbers may contain letters. Elsewhere only digits count, so that a German register number (HRB
 * …) does not match.
 */
const withLetters = /^(?:AT|CY|ES|FR|IE|NL)$/;

/** @returns the number without spaces and punctuation; undefined where the text does not end in a VAT number */
export function findVatNumber(text: string): string | undefined {
  const [, prefix = '', rest = ''] = vatNumber.exec(text.trim().toUpperCase()) ?? [];
  const body = rest.replaceAll(/[^0-9A-Z]/g, '');
  const form = withLetters.test(prefix)
    ? /^(?=(?:\D*\d){6})[0-9A-Z]{8,12}$/
    : prefix === 'RO'
      ? /^\d{2,10}$/
      : /^\d{8,12}$/;
  return form.test(body) ? prefix + body : undefined;
}

/**
 * Reads the seller from the lines of a letterhead: the name first, a VAT number in any line, a line of postal code
 * and city.
 */
function writeSeller({ seller, sellerCountry }: InvoiceContent): Xml {
  const [name, ...lines] = seller;
  const vat = lines
    .flatMap((line) => line.split(/[,;()]/))
    .map(findVatNumber)
    .find((found) => found !== undefined);
  if (name === undefined || vat === undefined)
    throw new Refusal(
      409,
      'seller-unknown',
      'There is no such file until the setting SELLER names the seller and a VAT number',
    );
  const place = lines.map((line) => /^(?:[A-Z]{1,3}[- ])?(\d[\d ]{2,6}) +(\p{L}.*)$/u.exec(line));
  const at = place.findIndex((found) => found !== null);
  const [, postalCode, city] = place[at] ?? [];
  return node(
    'AccountingSupplierParty',
    node(
      'Party',
      node(
        'PostalAddress',
        leaf('StreetName', at > 0 ? lines[at - 1] : undefined),
        leaf('CityName', city),
        leaf('PostalZone', postalCode),
        country(sellerCountry ?? vat.slice(0, 2).replace('EL', 'GR')),
      ),
      node('PartyTaxScheme', leaf('CompanyID', vat), scheme()),
      node('PartyLegalEntity', leaf('RegistrationName', name)),
    ),
  );
}

function writeBuyer({ buyer, buyerAddress, deliveryCountry }: InvoiceContent): Xml {
  const {
    company,
    vatNumber: vat,
    name = buyer[0] ?? 'Deleted',
  }: Partial<BillingAddress> = buyerAddress ?? {};
  const code = buyerAddress?.country ?? countryNamed(buyer.at(-1)) ?? deliveryCountry ?? 'DE';
  return node(
    'AccountingCustomerParty',
    node(
      'Party',
      node(
        'PostalAddress',
        leaf('StreetName', buyerAddress?.line1 ?? buyer[1]),
        leaf('AdditionalStreetName', buyerAddress?.line2),
        leaf('CityName', buyerAddress?.city),
        leaf('PostalZone', buyerAddress?.postalCode),
        country(code),
      ),
      vat ? node('PartyTaxScheme', leaf('CompanyID', vat), scheme()) : undefined,
      node('PartyLegalEntity', leaf('RegistrationName', company ?? name)),
      company === undefined ? undefined : node('Contact', leaf('Name', name)),
    ),
  );
}

function countryNamed(name: string | undefined): string | undefined {
  return countries.find((known) => known.name === name)?.code;
}

function writeDelivery({ deliveredTo, deliveryCountry, credits }: InvoiceContent): Xml {
  if (deliveryCountry === undefined || credits !== undefined) return undefined;
  return node(
    'Delivery',
    node('DeliveryLocation', node('Address', leaf('StreetName', deliveredTo[1]), country(deliveryCountry))),
    node('DeliveryParty', node('PartyName', leaf('Name', deliveredTo[0]))),
  );
}

function country(code: string): Xml {
  return node('Country', leaf('IdentificationCode', code));
}

function scheme(): Xml {
  return node('TaxScheme', leaf('ID', 'VAT'));
}

/** One part of a rate's amount. The net amounts of all parts of a rate add up to the net amount of the rate. */
interface NetPart {
  kind: 'line' | 'allowance' | 'charge';
  rate: number;
  gross: number;
  net: number;
  line?: InvoiceLine;
  reason?: string | undefined;
}

function writeAmounts(content: InvoiceContent, kind: 'Invoice' | 'CreditNote'): Xml[] {
  const { tax, total, paid = 0, credits } = content;
  const parts = netParts(content);
  const sum = (of: NetPart['kind']) =>
    parts.filter((part) => part.kind === of).reduce((all, { net }) => all + net, 0);
  const vat = tax.reduce((all, one) => all + one.tax, 0);
  const prepaid = credits === undefined ? Math.min(paid, total) : 0;
  const [allowances, charges] = [sum('allowance'), sum('charge')];
  const terms = credits ? 'Paid back by the way by which it was paid' : 'Paid when the parcel is handed over';
  return [
    total > prepaid ? node('PaymentTerms', leaf('Note', terms)) : undefined,
    ...parts
      .filter((part) => part.kind !== 'line' && part.gross !== 0)
      .map((part) =>
        node(
          'AllowanceCharge',
          leaf('ChargeIndicator', String(part.kind === 'charge')),
          leaf('AllowanceChargeReason', part.reason),
          amount('Amount', part.net),
          category('TaxCategory', part.rate),
        ),
      ),
    node(
      'TaxTotal',
      amount('TaxAmount', vat),
      ...tax.map((one) =>
        node(
          'TaxSubtotal',
          amount('TaxableAmount', one.net),
          amount('TaxAmount', one.tax),
          category('TaxCategory', one.rate),
        ),
      ),
    ),
    node(
      'LegalMonetaryTotal',
      amount('LineExtensionAmount', sum('line')),
      amount('TaxExclusiveAmount', total - vat),
      amount('TaxInclusiveAmount', total),
      allowances === 0 ? undefined : amount('AllowanceTotalAmount', allowances),
      charges === 0 ? undefined : amount('ChargeTotalAmount', charges),
      prepaid === 0 ? undefined : amount('PrepaidAmount', prepaid),
      amount('PayableAmount', total - prepaid),
    ),
    ...parts.filter((part) => part.kind === 'line').map((part, at) => writeLine(kind, part, at + 1)),
  ];
}

function writeLine(kind: 'Invoice' | 'CreditNote', { line, net, rate }: NetPart, number: number): Xml {
  const { what, sku, quantity } = line!;
  const unit = ' unitCode="C62"';
  return node(
    `${kind}Line`,
    leaf('ID', String(number)),
    leaf(kind === 'Invoice' ? 'InvoicedQuantity' : 'CreditedQuantity', String(quantity), unit),
    amount('LineExtensionAmount', net),
    node(
      'Item',
      leaf('Name', what || 'Piece'),
      sku === '' ? undefined : node('SellersItemIdentification', leaf('ID', sku)),
      category('ClassifiedTaxCategory', rate),
    ),
    // The net price of all pieces together. The price of one piece would have to be rounded.
    node('Price', amount('PriceAmount', net), leaf('BaseQuantity', String(quantity), unit)),
  );
}

/** Category S: taxed. Category Z: taxed at 0 %. */
function category(name: string, rate: number): Xml {
  return node(name, leaf('ID', rate === 0 ? 'Z' : 'S'), leaf('Percent', String(rate)), scheme());
}

function netParts(content: InvoiceContent): NetPart[] {
  return content.tax.flatMap(({ rate, net }) => {
    let sum = 0;
    const parts = grossParts(content, rate).map((part) => {
      const before = netOf(sum, rate);
      sum += part.kind === 'allowance' ? -part.gross : part.gross;
      // Net amounts are differences of cumulative sums, so rounding cannot change their total.
      return { ...part, net: Math.abs(netOf(sum, rate) - before) };
    });
    // A credit note's VAT is a difference of sums too. It may differ by a cent from the VAT of its own amount.
    const largest = parts.reduce((one, other) => (other.gross > one.gross ? other : one));
    largest.net += net - netOf(sum, rate);
    return parts;
  });
}

function netOf(gross: number, rate: number): number {
  return extractVat(gross, rate).net;
}

/** Lists lines first, then delivery, then discounts, so that no running sum falls below zero. */
function grossParts(content: InvoiceContent, rate: number): Omit<NetPart, 'net'>[] {
  const { tax, shipping, discount, credits } = content;
  const lines = content.lines.filter((line) => line.rate === rate);
  const parts: Omit<NetPart, 'net'>[] = lines.map((line) => ({
    kind: 'line',
    rate,
    gross: line.amount,
    line,
  }));
  if (credits !== undefined) return parts;
  const goods = lines.reduce((sum, line) => sum + line.amount, 0);
  const { net, tax: vat } = tax.find((one) => one.rate === rate)!;
  // An earlier release stored no discounts of lines. Only the difference of the sums is known then.
  const ofLines = lines.reduce((sum, line) => sum + (line.discount ?? 0), 0);
  const difference = net + vat - goods + ofLines;
  // Free delivery is added as a charge and taken off as an allowance.
  const isFree = tax.every((one) => deliveryOf(content, one.rate) === 0) && shipping.amount > 0;
  const free = isFree && tax[0]!.rate === rate ? shipping.amount : 0;
  const added = Math.max(difference, 0) + free;
  const takenOff = ofLines + Math.max(-difference, 0) + free;
  parts.push(
    { kind: 'charge', rate, gross: added, reason: `Delivery, ${shipping.name}` },
    { kind: 'allowance', rate, gross: takenOff, reason: `Promotion code ${discount?.code ?? ''}`.trim() },
  );
  return parts;
}

function deliveryOf({ tax, lines }: InvoiceContent, rate: number): number {
  const one = tax.find((found) => found.rate === rate)!;
  const ofRate = lines.filter((line) => line.rate === rate);
  return one.net + one.tax - ofRate.reduce((sum, line) => sum + line.amount - (line.discount ?? 0), 0);
}
