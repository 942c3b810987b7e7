// Renders the staff page of delivery: fields for each row of the table, empty ones for new rows, and the holidays.
import { raw } from 'hono/html';
import type { Holiday } from '../../checkout/delivery-dates.ts';
import type { ShippingTable } from '../../checkout/shipping-methods.ts';
import { signedInField } from '../../identity/page-frame.ts';
import {
  type FieldOptions,
  type FormFaults,
  type FormValues,
  faultSummary,
  field,
  idempotencyField,
  notice,
} from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { PageVisitor } from '../../web/page/layout.ts';
import type { StaffChange } from '../change-catalog.ts';
import { minutesOf, staffLayout } from './staff-layout.ts';

/** A field's name consists of one of these and the number of its row. */
export const rowFields = ['name', 'id', 'countries', 'price', 'freeFrom', 'min', 'max'] as const;

const labels: Record<(typeof rowFields)[number], string> = {
  name: 'Name',
  id: 'Id',
  countries: 'Countries',
  price: 'Price in euros',
  freeFrom: 'Free from, in euros',
  min: 'Working days, at least',
  max: 'Working days, at most',
};

const emptyRows = 2;

export interface DeliveryPage {
  visitor: PageVisitor;
  mayChange: boolean;
  values: FormValues;
  changes: StaffChange[];
  saved: boolean;
  faults?: FormFaults;
  refused?: string;
}

/** The present terms as values of the form. */
export function valuesOfTerms(terms: {
  version: number;
  table: ShippingTable;
  holidays: Holiday[];
}): FormValues {
  const euros = (amount: number) => (amount / 100).toFixed(2);
  const rows = terms.table.flatMap(({ id, name, countries, price, freeFrom, days }, row) => [
    [`name-${row}`, name],
    [`id-${row}`, id],
    [`countries-${row}`, countries.join(' ')],
    [`price-${row}`, euros(price.amount)],
    [`freeFrom-${row}`, freeFrom === undefined ? '' : euros(freeFrom.amount)],
    [`min-${row}`, String(days.min)],
    [`max-${row}`, String(days.max)],
  ]);
  return {
    ...Object.fromEntries(rows),
    version: String(terms.version),
    holidays: terms.holidays.map(({ day, name }) => `${day} ${name}`.trim()).join('\n'),
  };
}

export function holidayLines(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

export function deliveryPage(page: DeliveryPage): Html {
  const { visitor, values, saved, faults, refused, changes, mayChange } = page;
  const known = Object.keys(values).flatMap((name) => /^name-(\d+)$/.exec(name)?.[1] ?? []);
  const count = Math.max(0, ...known.map((row) => Number(row) + 1));
  const rows = Array.from({ length: count + (faults === undefined ? emptyRows : 0) }, (_, row) => row);
  const all = rows.flatMap((row) =>
    rowFields.map((name): [string, string] => [
      `${name}-${row}`,
      `${titleOfRow(values, row)}: ${labels[name]}`,
    ]),
  );
  return staffLayout(
    { title: faults || refused ? 'Error: Delivery' : 'Delivery', visitor, here: '/staff/delivery' },
    html`<h1>Delivery</h1>
<p class="soft">Cheapest first is what shoppers see. A method may have several rows, with another price for other countries. Orders that were placed keep what they cost.</p>
${saved && refused === undefined ? notice('Saved. Bag, checkout and product pages show it now.', 'good') : ''}
${faultSummary({ ...Object.fromEntries(all), holidays: 'Holidays' }, { faults, refused })}
<form method="post" action="/staff/delivery" class="fields" novalidate>${idempotencyField()}${signedInField()}
<input type="hidden" name="version" value="${values['version'] ?? ''}">
${rows.map((row) => rowOfTable(page, row))}
${holidaysField(page)}
${mayChange ? html`<p><button class="button" type="submit">Save</button></p>` : html`<p class="soft">Only owners may change this.</p>`}
</form>
${changes.length === 0 ? '' : html`<h2>The latest changes</h2><ul>${changes.map(({ changedAt, who }) => html`<li>${minutesOf(changedAt.toISOString())} UTC, ${who ?? 'unknown'}</li>`)}</ul>`}`,
  );
}

function titleOfRow(values: FormValues, row: number): string {
  const name = (values[`name-${row}`] ?? '').trim();
  return name === '' ? `New row ${row + 1}` : `${name}, row ${row + 1}`;
}

function rowOfTable({ values, faults = {} }: DeliveryPage, row: number): Html {
  const part = (name: (typeof rowFields)[number], more: Partial<FieldOptions> = {}) =>
    field({
      name: `${name}-${row}`,
      label: labels[name],
      value: values[`${name}-${row}`],
      fault: faults[`${name}-${row}`],
      required: false,
      ...more,
    });
  return html`<fieldset class="group"><legend>${titleOfRow(values, row)}</legend><div class="fields two">
${part('name', { required: true, maxLength: 100 })}
${part('id', { maxLength: 40, hint: 'For programs. Empty: made of the name.' })}
${part('countries', { required: true, maxLength: 1_200, className: 'all', hint: 'Two letters each, such as DE AT.' })}
${part('price', { required: true })}
${part('freeFrom')}
${part('min', { required: true })}
${part('max', { required: true })}
</div><p class="hint">Empty all fields to remove the row.</p></fieldset>`;
}

function holidaysField({ values, faults = {} }: DeliveryPage): Html {
  const fault = faults['holidays'];
  return html`<div class="field"><label for="holidays">Holidays</label>
<textarea class="input" id="holidays" name="holidays" rows="10" aria-describedby="${fault ? 'holidays-fault ' : ''}holidays-hint"${raw(fault ? ' aria-invalid="true"' : '')}>${values['holidays'] ?? ''}</textarea>
${fault ? html`<p class="wrong" id="holidays-fault">${fault}</p>` : ''}
<p class="hint" id="holidays-hint">A day a line, such as 2026-12-24 Christmas Eve. A day of every year has no year: 12-25. Nothing is sent or arrives on them, nor on Saturdays and Sundays.</p></div>`;
}
