// Writes an invoice or a credit note as a PDF on A4: seller, buyer, lines, delivery, discount, VAT by rate and total.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { formatRate, priceOrFree } from '../../checkout/delivery-dates.ts';
import { formatDay, formatMoney } from '../../web/money.ts';
import type { InvoiceContent } from './invoice-content.ts';

type Pdf = PDFKit.PDFDocument;

const margin = 56;
const right = 595 - margin;
/** No row begins below this line. A row that began above it may reach further down. */
const lastLine = 842 - 90;
const columns = [
  { title: 'Description', x: margin, width: 220, align: 'left' },
  { title: 'Pieces', x: 286, width: 40, align: 'right' },
  { title: 'Price', x: 336, width: 65, align: 'right' },
  { title: 'VAT', x: 411, width: 45, align: 'right' },
  { title: 'Amount', x: 466, width: right - 466, align: 'right' },
] as const;

/** Loads the library and its fonts only for the first invoice. */
export async function writeInvoiceDocument(invoice: InvoiceContent): Promise<Buffer> {
  const [{ default: PDFDocument }, regular, bold] = await Promise.all([
    import('pdfkit'),
    readFont('DejaVuSans.ttf'),
    readFont('DejaVuSans-Bold.ttf'),
  ]);
  const pdf = new PDFDocument({
    size: 'A4',
    margins: { top: margin, bottom: 40, left: margin, right: margin },
    lang: 'en',
    displayTitle: true,
    info: { Title: titleOf(invoice), CreationDate: new Date(invoice.issuedAt) },
    // Without this option the library loads a font of its own.
    font: regular as unknown as string,
  });
  pdf.registerFont('regular', regular);
  pdf.registerFont('bold', bold);
  const chunks: Buffer[] = [];
  const written = new Promise<Buffer>((resolve, reject) => {
    pdf.on('data', (chunk: Buffer) => chunks.push(chunk));
    pdf.on('end', () => resolve(Buffer.concat(chunks)));
    pdf.on('error', reject);
  });
  writeHead(pdf, invoice);
  writeLines(pdf, invoice);
  writeSums(pdf, invoice);
  pdf.end();
  return written;
}

/** DejaVu has the letters of all languages of the EU, including Greek and Cyrillic. */
function readFont(name: string): Promise<Buffer> {
  return readFile(createRequire(import.meta.url).resolve(`dejavu-fonts-ttf/ttf/${name}`));
}

function titleOf({ number, credits }: InvoiceContent): string {
  return `${credits === undefined ? 'Invoice' : 'Credit note'} ${number}`;
}

function writeHead(pdf: Pdf, invoice: InvoiceContent): void {
  const { seller, buyer, deliveredTo, credits } = invoice;
  pdf.font('regular').fontSize(8);
  pdf.text(seller.length === 0 ? 'MyClothes' : seller.join('\n'), 330, margin, {
    width: right - 330,
    align: 'right',
  });
  const belowSeller = pdf.y;
  pdf.fontSize(9.5).text(buyer.join('\n'), margin, Math.max(130, margin), { width: 260 });
  const top = Math.max(pdf.y, belowSeller, 215) + 24;
  pdf.font('bold').fontSize(18).text(titleOf(invoice), margin, top);
  pdf.font('regular').fontSize(9.5).moveDown(0.6);
  pdf.text(`Date: ${formatDay(invoice.issuedAt)}`);
  pdf.text(`Order ${invoice.orderNumber} of ${formatDay(invoice.orderedAt)}`);
  const more = credits
    ? [`For invoice ${credits.invoiceNumber} of ${formatDay(credits.invoicedAt)}`, credits.reason]
    : [`Delivered to: ${deliveredTo.join(', ')}`];
  for (const line of more.filter(Boolean)) pdf.text(line, { width: right - margin });
  pdf.moveDown(1.2);
}

function writeLines(pdf: Pdf, { lines }: InvoiceContent): void {
  writeTitles(pdf);
  for (const line of lines) {
    const what = [line.what, line.sku].filter(Boolean).join('\n');
    const height = pdf.fontSize(9).heightOfString(what, { width: columns[0].width });
    if (pdf.y + height > lastLine) {
      pdf.addPage();
      writeTitles(pdf);
    }
    writeRow(pdf, [
      what,
      String(line.quantity),
      formatMoney(line.unitPrice),
      formatRate(line.rate),
      formatMoney(line.amount),
    ]);
    pdf.moveDown(0.4);
  }
  rule(pdf);
}

function writeTitles(pdf: Pdf): void {
  pdf.font('bold').fontSize(9);
  writeRow(
    pdf,
    columns.map(({ title }) => title),
  );
  pdf.font('regular');
  rule(pdf);
}

/** Leaves the position below the tallest of the row's cells. */
function writeRow(pdf: Pdf, cells: string[]): void {
  const top = pdf.y;
  let bottom = top;
  for (const [at, { x, width, align }] of columns.entries()) {
    pdf.text(cells[at] ?? '', x, top, { width, align });
    bottom = Math.max(bottom, pdf.y);
  }
  pdf.y = bottom;
}

function rule(pdf: Pdf): void {
  const y = pdf.y + 3;
  pdf.moveTo(margin, y).lineTo(right, y).lineWidth(0.5).stroke('#888888');
  pdf.y = y + 6;
}

function writeSums(pdf: Pdf, content: InvoiceContent): void {
  const { discount, shipping, tax, total, isDemonstration, credits } = content;
  // The sums stay together on one page.
  if (pdf.y + 100 + tax.length * 16 > lastLine) pdf.addPage();
  const sum = (label: string, amount: string) => {
    const top = pdf.y;
    pdf.text(label, margin, top, { width: 390 });
    const bottom = pdf.y;
    pdf.text(amount, columns[4].x - 30, top, { width: columns[4].width + 30, align: 'right' });
    pdf.y = Math.max(bottom, pdf.y) + 3;
  };
  if (discount) sum(`Promotion code ${discount.code}`, `−${formatMoney(discount.amount)}`);
  if (!credits) sum(`Delivery, ${shipping.name}`, priceOrFree(shipping.amount));
  pdf.font('bold').fontSize(11);
  sum(credits ? 'Credited, VAT included' : 'Total, VAT included', formatMoney(total));
  pdf.font('regular').fontSize(9);
  rule(pdf);
  for (const { rate, net, tax: vat } of tax)
    sum(`VAT ${formatRate(rate)} of a net amount of ${formatMoney(net)}`, formatMoney(vat));
  if (isDemonstration) {
    pdf.moveDown(1);
    pdf.text('This is a demonstration: no money moved and nothing was sold.', margin, pdf.y, {
      width: right - margin,
    });
  }
}
