// The frame of the staff's pages about orders, with their navigation.
import { raw } from 'hono/html';
import { type Html, html } from '../../web/page/html.ts';
import { layout, type PageVisitor } from '../../web/page/layout.ts';

const places = [
  ['/staff/orders', 'Orders'],
  ['/staff/to-ship', 'To ship'],
  ['/staff/returns', 'Returns'],
  ['/staff/customers', 'Customers'],
  ['/staff', 'Products'],
  ['/staff/promotions', 'Promotions'],
  ['/staff/delivery', 'Delivery'],
  ['/staff/reports', 'Reports'],
  ['/staff/mails', 'Mails'],
  ['/staff/payments', 'Unclear payments'],
  ['/staff/members', 'Staff'],
  ['/staff/integrations', 'Integrations'],
] as const;

export type StaffPlace = (typeof places)[number][0];

export function staffNavigation(here: StaffPlace): Html {
  return html`<nav class="staff-places" aria-label="Staff"><ul class="row">${places.map(
    ([path, name]) =>
      html`<li><a href="${path}"${raw(path === here ? ' aria-current="page"' : '')}>${name}</a></li>`,
  )}</ul></nav>`;
}

export interface StaffPage {
  title: string;
  visitor: PageVisitor;
  here: StaffPlace;
}

export function staffLayout({ title, visitor, here }: StaffPage, content: Html): Html {
  return layout(
    { title: `${title}, staff`, unlisted: true, visitor },
    html`<div class="staff">${staffNavigation(here)}${content}</div>`,
  );
}

/** The time in UTC, to the minute. */
export function minutesOf(time: string): string {
  return time.slice(0, 16).replace('T', ' ');
}

/** A filter with a few options; the first one means all. */
export function selectField(name: string, label: string, value: string, options: [string, string][]): Html {
  return html`<div class="field"><label for="${name}">${label}</label><select class="input" id="${name}" name="${name}">${options.map(
    ([option, text]) =>
      html`<option value="${option}"${option === value ? html` selected` : ''}>${text}</option>`,
  )}</select></div>`;
}
