// Renders the staff pages of promotion codes.
import { raw } from 'hono/html';
import { type Promotion, promotionKinds } from '../../checkout/promotion.ts';
import { signedInField } from '../../identity/page-frame.ts';
import { formatMoney } from '../../web/money.ts';
import {
  type FieldOptions,
  type FormFaults,
  type FormValues,
  faultSummary,
  field,
  idempotencyField,
  notice,
  titleOf,
} from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import { layout, type PageVisitor } from '../../web/page/layout.ts';
import { staffNavigation } from './staff-layout.ts';

interface Form {
  /** Input that was refused. */
  values?: FormValues;
  faults?: FormFaults;
}

export interface PromotionsPage extends Form {
  visitor: PageVisitor;
  promotions: Promotion[];
  now: Date;
  /** Codes of the last action. */
  saved?: string | undefined;
  deleted?: string | undefined;
}

const labels: Record<string, string> = {
  code: 'Code',
  kind: 'What it does',
  value: 'Percent, or amount in euros',
  minTotal: 'From a total of, in euros',
  startsAt: 'Starts (UTC)',
  endsAt: 'Ends (UTC)',
  uses: 'Uses in all',
  usesPerCustomer: 'Uses for each customer',
  categories: 'Categories',
  products: 'Products',
};

const kindNames: Record<(typeof promotionKinds)[number], string> = {
  percent: 'Takes off a percentage',
  amount: 'Takes off an amount',
  'free-shipping': 'Makes delivery free',
};

export function promotionsPage({ visitor, promotions, now, saved, deleted, ...form }: PromotionsPage): Html {
  return layout(
    { title: titleOf('Promotions, staff', form.faults !== undefined), unlisted: true, visitor },
    html`<div class="staff">${staffNavigation('/staff/promotions')}
<h1>Promotions</h1>
${saved ? notice(`Saved: ${saved}.`, 'good') : ''}${deleted ? notice(`Deleted: ${deleted}. Orders that used it keep their discount.`, 'good') : ''}
${faultSummary(labels, { faults: form.faults })}
<table class="rows">
<caption>${promotions.length === 0 ? 'No codes yet' : 'Codes'}</caption>
<thead><tr><th scope="col">Code</th><th class="number" scope="col">Used</th></tr></thead>
<tbody>${promotions.map((promotion) => promotionRow(promotion, now))}</tbody>
</table>
<h2>New code</h2>
${promotionForm('/staff/promotions', form, html`<button class="button" type="submit">Create</button>`)}</div>`,
  );
}

export function promotionPage({
  visitor,
  promotion,
  ...form
}: Form & { visitor: PageVisitor; promotion: Promotion }): Html {
  const buttons = html`<button class="button" type="submit">Save</button>
<button class="button quiet" type="submit" name="deed" value="delete">Delete the code</button>`;
  return layout(
    { title: titleOf(`${promotion.code}, staff`, form.faults !== undefined), unlisted: true, visitor },
    html`<div class="staff">${staffNavigation('/staff/promotions')}
<h1>${promotion.code}</h1>
<p class="soft">Used ${promotion.used} ${promotion.used === 1 ? 'time' : 'times'}${promotion.uses === undefined ? '' : ` of ${promotion.uses}`}. Orders that were placed keep their discount, whatever is changed here.</p>
${faultSummary(labels, { faults: form.faults })}
${promotionForm(`/staff/promotions/${promotion.id}`, { values: valuesOf(promotion), ...form }, buttons)}</div>`,
  );
}

function promotionRow(promotion: Promotion, now: Date): Html {
  const { id, code, used, uses } = promotion;
  return html`<tr><th scope="row"><a href="/staff/promotions/${id}">${code}</a><br>${describeDeed(promotion)}<br>
<span class="hint">${stateOf(promotion, now)} · ${describePeriod(promotion)}</span></th>
<td class="number">${used}${uses === undefined ? '' : ` of ${uses}`}</td></tr>`;
}

function stateOf({ startsAt, endsAt, used, uses }: Promotion, now: Date): string {
  if (startsAt !== undefined && new Date(startsAt) > now) return 'Planned';
  if (endsAt !== undefined && new Date(endsAt) <= now) return 'Ended';
  return uses !== undefined && used >= uses ? 'Used up' : 'Active';
}

function describeDeed({ kind, value, minTotal, categories, products, usesPerCustomer }: Promotion): string {
  const what =
    kind === 'percent' ? `${value} % off` : kind === 'amount' ? `${formatMoney(value)} off` : 'Free delivery';
  return [
    what,
    minTotal === undefined ? '' : `from ${formatMoney(minTotal.amount)}`,
    categories === undefined && products === undefined
      ? ''
      : `for ${[...(categories ?? []), ...(products ?? [])].join(', ')}`,
    usesPerCustomer === undefined ? '' : `${usesPerCustomer} for each customer`,
  ]
    .filter(Boolean)
    .join(', ');
}

function describePeriod({ startsAt, endsAt }: Promotion): string {
  const minutes = (time: string) => time.slice(0, 16).replace('T', ' ');
  if (startsAt === undefined && endsAt === undefined) return 'Always';
  return [startsAt ? `from ${minutes(startsAt)}` : '', endsAt ? `until ${minutes(endsAt)}` : '']
    .filter(Boolean)
    .join(' ');
}

function valuesOf(promotion: Promotion): FormValues {
  const { code, kind, value, minTotal, startsAt, endsAt, uses, usesPerCustomer } = promotion;
  const euros = (amount: number) => (amount / 100).toFixed(2);
  return {
    code,
    kind,
    value: kind === 'percent' ? String(value) : kind === 'amount' ? euros(value) : '',
    minTotal: minTotal === undefined ? '' : euros(minTotal.amount),
    startsAt: startsAt?.slice(0, 16).replace('T', ' ') ?? '',
    endsAt: endsAt?.slice(0, 16).replace('T', ' ') ?? '',
    uses: String(uses ?? ''),
    usesPerCustomer: String(usesPerCustomer ?? ''),
    categories: (promotion.categories ?? []).join(', '),
    products: (promotion.products ?? []).join(', '),
  };
}

function promotionForm(action: string, { values = {}, faults = {} }: Form, buttons: Html): Html {
  const part = (name: string, more: Partial<FieldOptions> = {}) =>
    field({ name, label: labels[name]!, value: values[name], fault: faults[name], required: false, ...more });
  return html`<form class="fields two" method="post" action="${action}" novalidate>${idempotencyField()}${signedInField()}
${part('code', { required: true, maxLength: 40, hint: 'Shoppers may write it in small letters, too.' })}
<div class="field"><label for="kind">${labels['kind']}</label>
<select class="input" id="kind" name="kind">${promotionKinds.map(
    (kind) =>
      html`<option value="${kind}"${raw(kind === values['kind'] ? ' selected' : '')}>${kindNames[kind]}</option>`,
  )}</select></div>
${part('value', { hint: 'Such as 10, or 5.00. Empty where delivery is free.' })}
${part('minTotal')}
${part('startsAt', { hint: 'Such as 2026-12-24 18:00.' })}
${part('endsAt')}
${part('uses')}
${part('usesPerCustomer')}
${part('categories', { maxLength: 2_000, hint: 'Their addresses after /c/, separated by commas. Empty: everything.' })}
${part('products', { maxLength: 2_000, hint: 'Their addresses after /p/, separated by commas.' })}
<p class="row all">${buttons}</p></form>`;
}
