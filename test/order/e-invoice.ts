// Checks an e-invoice: the order of its elements in UBL 2.1, and the rules of EN 16931 that bind this shop.

export interface XmlNode {
  name: string;
  attributes: string;
  children: XmlNode[];
  text: string;
}

/** @throws where the tags do not match */
export function parseXml(xml: string): XmlNode {
  const root: XmlNode = { name: '', attributes: '', children: [], text: '' };
  const open = [root];
  for (const [, closing, name, attributes = '', text] of xml.matchAll(
    /<(\/?)([A-Za-z][\w:]*)([^<>]*)>|([^<>]+)|<\?[^<>]*\?>/g,
  )) {
    const current = open.at(-1)!;
    if (text !== undefined) current.text += readText(text);
    else if (name === undefined) continue;
    else if (closing === '/') {
      if (open.pop()!.name !== name) throw new Error(`</${name}> closes another element`);
    } else {
      const node = { name, attributes, children: [], text: '' };
      current.children.push(node);
      open.push(node);
    }
  }
  if (open.length !== 1 || root.children.length !== 1) throw new Error('not one whole document');
  return root.children[0]!;
}

function readText(text: string): string {
  if (/&(?!amp;|lt;|gt;|quot;)/.test(text)) throw new Error('an ampersand by itself');
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}

/** Finds nodes by a path such as `LegalMonetaryTotal/PayableAmount`, without prefixes. */
export function nodesAt(node: XmlNode, path: string): XmlNode[] {
  return path
    .split('/')
    .reduce(
      (nodes, part) =>
        nodes.flatMap(({ children }) => children.filter(({ name }) => name.replace(/^c[ab]c:/, '') === part)),
      [node],
    );
}

export function textAt(node: XmlNode, path: string): string | undefined {
  return nodesAt(node, path)[0]?.text;
}

/** Reads an amount in minor units; a missing one counts as 0. */
export function centsAt(node: XmlNode, path: string): number {
  return Math.round(Number(textAt(node, path) ?? 0) * 100);
}

const inOrder: Record<string, string> = {
  root: 'CustomizationID ID IssueDate InvoiceTypeCode CreditNoteTypeCode Note DocumentCurrencyCode OrderReference BillingReference AccountingSupplierParty AccountingCustomerParty Delivery PaymentTerms AllowanceCharge TaxTotal LegalMonetaryTotal InvoiceLine CreditNoteLine',
  Party: 'PostalAddress PartyTaxScheme PartyLegalEntity Contact',
  PostalAddress: 'StreetName AdditionalStreetName CityName PostalZone Country',
  AllowanceCharge: 'ChargeIndicator AllowanceChargeReason Amount TaxCategory',
  TaxSubtotal: 'TaxableAmount TaxAmount TaxCategory',
  TaxCategory: 'ID Percent TaxScheme',
  LegalMonetaryTotal:
    'LineExtensionAmount TaxExclusiveAmount TaxInclusiveAmount AllowanceTotalAmount ChargeTotalAmount PrepaidAmount PayableAmount',
  InvoiceLine: 'ID InvoicedQuantity LineExtensionAmount Item Price',
  CreditNoteLine: 'ID CreditedQuantity LineExtensionAmount Item Price',
  Item: 'Name SellersItemIdentification ClassifiedTaxCategory',
};

/**
 * @returns the rules that the invoice breaks, by their names in EN 16931 if they have one; none for a lawful invoice
 */
export function findInvoiceFaults(xml: string): string[] {
  const root = parseXml(xml);
  const faults: string[] = [];
  const rule = (name: string, holds: boolean) => {
    if (!holds) faults.push(name);
  };
  checkOrder(root, 'root', rule);
  const has = (path: string) => (textAt(root, path) ?? '') !== '';
  const isCredit = root.name === 'CreditNote';
  rule('BR-01', textAt(root, 'CustomizationID') === 'urn:cen.eu:en16931:2017');
  rule('BR-02', has('ID'));
  rule('BR-03', /^\d{4}-\d\d-\d\d$/.test(textAt(root, 'IssueDate') ?? ''));
  rule(
    'BR-04',
    textAt(root, isCredit ? 'CreditNoteTypeCode' : 'InvoiceTypeCode') === (isCredit ? '381' : '380'),
  );
  rule('BR-05', textAt(root, 'DocumentCurrencyCode') === 'EUR');
  rule('BR-06', has('AccountingSupplierParty/Party/PartyLegalEntity/RegistrationName'));
  rule('BR-07', has('AccountingCustomerParty/Party/PartyLegalEntity/RegistrationName'));
  for (const [name, party] of [
    ['BR-09', 'Supplier'],
    ['BR-11', 'Customer'],
  ] as const)
    rule(
      name,
      /^[A-Z]{2}$/.test(
        textAt(root, `Accounting${party}Party/Party/PostalAddress/Country/IdentificationCode`) ?? '',
      ),
    );
  rule(
    'BR-CO-09',
    /^[A-Z]{2}\w+$/.test(textAt(root, 'AccountingSupplierParty/Party/PartyTaxScheme/CompanyID') ?? ''),
  );
  rule('BR-55', !isCredit || has('BillingReference/InvoiceDocumentReference/ID'));
  const total = (name: string) => centsAt(root, `LegalMonetaryTotal/${name}Amount`);
  rule('BR-CO-25', total('Payable') <= 0 || has('PaymentTerms/Note'));
  const lines = nodesAt(root, isCredit ? 'CreditNoteLine' : 'InvoiceLine');
  rule('BR-16', lines.length > 0);
  for (const line of lines) {
    rule('BR-24', textAt(line, 'LineExtensionAmount') !== undefined);
    rule('BR-25', (textAt(line, 'Item/Name') ?? '') !== '');
    const quantity = Number(textAt(line, isCredit ? 'CreditedQuantity' : 'InvoicedQuantity'));
    rule('BR-22', quantity > 0);
    rule('BR-27', centsAt(line, 'Price/PriceAmount') >= 0);
    const price = centsAt(line, 'Price/PriceAmount') / Number(textAt(line, 'Price/BaseQuantity'));
    rule('line net amount', Math.round(price * quantity) === centsAt(line, 'LineExtensionAmount'));
  }
  const changes = nodesAt(root, 'AllowanceCharge');
  for (const change of changes) rule('BR-33', (textAt(change, 'AllowanceChargeReason') ?? '') !== '');
  const sumOf = (nodes: XmlNode[], path: string) => nodes.reduce((sum, node) => sum + centsAt(node, path), 0);
  const of = (isCharge: string) => changes.filter((change) => textAt(change, 'ChargeIndicator') === isCharge);
  rule('BR-CO-10', total('LineExtension') === sumOf(lines, 'LineExtensionAmount'));
  rule('BR-CO-11', total('AllowanceTotal') === sumOf(of('false'), 'Amount'));
  rule('BR-CO-12', total('ChargeTotal') === sumOf(of('true'), 'Amount'));
  rule(
    'BR-CO-13',
    total('TaxExclusive') === total('LineExtension') - total('AllowanceTotal') + total('ChargeTotal'),
  );
  rule('BR-CO-15', total('TaxInclusive') === total('TaxExclusive') + centsAt(root, 'TaxTotal/TaxAmount'));
  rule('BR-CO-16', total('Payable') === total('TaxInclusive') - total('Prepaid'));
  const subtotals = nodesAt(root, 'TaxTotal/TaxSubtotal');
  rule('BR-CO-14', centsAt(root, 'TaxTotal/TaxAmount') === sumOf(subtotals, 'TaxAmount'));
  rule('BR-CO-18', subtotals.length > 0);
  for (const subtotal of subtotals) {
    const [category, percent] = ['ID', 'Percent'].map((name) => textAt(subtotal, `TaxCategory/${name}`));
    const ofRate = (nodes: XmlNode[], path: string) => nodes.filter((node) => textAt(node, path) === percent);
    rule(
      category === 'Z' ? 'BR-Z-05' : 'BR-S-05',
      category === 'Z' ? Number(percent) === 0 : Number(percent) > 0,
    );
    const base =
      sumOf(ofRate(lines, 'Item/ClassifiedTaxCategory/Percent'), 'LineExtensionAmount') +
      sumOf(ofRate(of('true'), 'TaxCategory/Percent'), 'Amount') -
      sumOf(ofRate(of('false'), 'TaxCategory/Percent'), 'Amount');
    rule('BR-S-08', centsAt(subtotal, 'TaxableAmount') === base);
    // Prices include VAT, so the tax of a rounded net amount may differ by a cent.
    const tax = (centsAt(subtotal, 'TaxableAmount') * Number(percent)) / 100;
    rule('BR-CO-17', Math.abs(centsAt(subtotal, 'TaxAmount') - tax) <= 1);
  }
  const rates = new Set(subtotals.map((subtotal) => textAt(subtotal, 'TaxCategory/Percent')));
  rule('one breakdown for each rate', rates.size === subtotals.length);
  rule(
    'BR-S-01',
    lines.every((line) => rates.has(textAt(line, 'Item/ClassifiedTaxCategory/Percent'))),
  );
  return [...new Set(faults)];
}

function checkOrder(node: XmlNode, kind: string, rule: (name: string, holds: boolean) => void): void {
  const names = node.children.map(({ name }) => name.replace(/^c[ab]c:/, ''));
  const order = inOrder[kind]?.split(' ');
  if (order !== undefined) {
    const places = names.map((name) => order.indexOf(name));
    rule(
      `order of ${kind}`,
      places.every((place, at) => place >= 0 && place >= (places[at - 1] ?? 0)),
    );
  }
  if (node.children.length === 0) rule(`empty ${kind}`, node.text.trim() !== '');
  for (const [at, child] of node.children.entries()) checkOrder(child, names[at]!, rule);
}
