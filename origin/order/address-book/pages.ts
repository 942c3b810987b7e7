// The page of the signed-in shopper's address book: each address with its forms, and a form to add another.
import { type Context, Hono } from 'hono';
import { raw } from 'hono/html';
import type { Deps } from '../../deps.ts';
import { notFound, Refusal } from '../../errors.ts';
import { readFrame, respondSignedOut, signedInField, wasSignedIn } from '../../identity/page-frame.ts';
import type { SignedIn } from '../../identity/sessions.ts';
import { readVisitor } from '../../identity/visitor.ts';
import type { AppEnv } from '../../web/env.ts';
import {
  type FormFaults,
  type FormValues,
  faultSummary,
  faultsOf,
  field,
  idempotencyField,
  notice,
  readForm,
  readIdempotencyKey,
  refusalToShow,
  titleOf,
} from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import { layout } from '../../web/page/layout.ts';
import { respondPage, seeOther } from '../../web/page/page-response.ts';
import { readOwn } from '../../web/request/read-your-writes.ts';
import { addressLengths, companyLengths, countries, KeptAddressSchema } from '../shipping-address.ts';
import { addressLinesOf } from '../views/order.ts';
import { readKeptAddress } from '../views/order-form.ts';
import {
  type AddressOfBook,
  type AddressWrite,
  addAddress,
  changeAddress,
  chooseDefault,
  listAddresses,
  removeAddress,
} from './addresses.ts';

const path = '/account/addresses';

/** The sentence after each deed. */
const sentences: Record<string, string> = {
  add: 'Saved. You find it at checkout.',
  change: 'Saved.',
  default: 'Saved. Checkout begins with this address.',
  remove: 'The address is removed.',
};

interface Shown {
  values?: FormValues;
  faults?: FormFaults;
  refusal?: Refusal;
}

export function addressPages(deps: Deps): Hono<AppEnv> {
  return new Hono<AppEnv>()
    .get(path, async (c) => {
      const { account } = await readVisitor(deps, c);
      return account === undefined ? seeOther(`/sign-in?next=${path}`) : show(deps, c, account, {});
    })
    .post(path, async (c) => {
      const visitor = await readVisitor(deps, c);
      const values = await readForm(c);
      const { account } = visitor;
      if (account === undefined)
        return wasSignedIn(visitor, values) ? respondSignedOut(deps, c, values) : seeOther('/sign-in');
      try {
        const faults = await change(deps, account, values);
        if (faults !== undefined) return show(deps, c, account, { values, faults });
        return seeOther(`${path}?${new URLSearchParams({ done: values['do'] ?? '' })}`);
      } catch (error) {
        const refusal = refusalToShow(error);
        if (refusal.status === 404) throw refusal;
        return show(deps, c, account, { values, refusal });
      }
    });
}

/** @returns faults of the form, if any. @throws Refusal 404, 422 */
async function change(
  { db }: Deps,
  { id: accountId }: SignedIn,
  values: FormValues,
): Promise<FormFaults | undefined> {
  const { 'idempotency-key': _, ...body } = values;
  const write: AddressWrite = {
    accountId,
    scope: `account:${accountId}`,
    key: readIdempotencyKey(values),
    method: 'POST',
    path,
    body,
  };
  const { do: deed = '', id = '' } = values;
  if (deed === 'default') await chooseDefault(db, write, id);
  else if (deed === 'remove') await removeAddress(db, write, id);
  else if (deed === 'add' || deed === 'change') {
    const parsed = KeptAddressSchema.safeParse(readKeptAddress(values));
    if (!parsed.success) return faultsOf(parsed.error, values);
    const given = { address: parsed.data, isDefault: values['is-default'] === 'yes' };
    if (deed === 'add') await addAddress(db, write, given);
    else await changeAddress(db, write, id, given);
  } else throw new Refusal(422, 'invalid-body', 'This page does not know that form');
  return undefined;
}

async function show(deps: Deps, c: Context<AppEnv>, account: SignedIn, shown: Shown): Promise<Response> {
  const [addresses, frame] = await Promise.all([
    readOwn(deps, c, (db) => listAddresses(db, account.id)),
    readFrame(deps, c),
  ]);
  const { values, faults, refusal } = shown;
  const editedId = values?.['do'] === 'change' ? values['id'] : c.req.query('edit');
  const edited = addresses.find(({ id }) => id === editedId);
  if (editedId !== undefined && edited === undefined) throw notFound('This address');
  const content = addressesPage({
    addresses,
    edited,
    values: values ?? edited ?? { country: deps.settings.shopCountry, name: account.name },
    faults,
    refused: refusal && `${refusal.message}.`,
    done: shown.values === undefined ? sentences[c.req.query('done') ?? ''] : undefined,
  });
  const isWrong = faults !== undefined || refusal !== undefined;
  return respondPage(c, layout({ title: titleOf('Your addresses', isWrong), ...frame }, content), {
    status: refusal?.status ?? (faults ? 422 : 200),
  });
}

interface AddressesPage {
  addresses: AddressOfBook[];
  /** The address that the form changes; undefined where the form adds one. */
  edited: AddressOfBook | undefined;
  values: FormValues | AddressOfBook;
  faults: FormFaults | undefined;
  refused: string | undefined;
  done: string | undefined;
}

const labels = {
  name: 'Name',
  line1: 'Street and number',
  line2: 'Flat, floor',
  postalCode: 'Postal code',
  city: 'Town or city',
  country: 'Country',
  company: 'Company',
  vatNumber: 'VAT number',
};

function addressesPage(page: AddressesPage): Html {
  const { addresses, faults, refused, done } = page;
  return html`<div class="page-head"><h1>Your addresses</h1><p><a href="/account">Your account</a></p></div>
${faultSummary(labels, { faults, refused })}${done ? notice(done, 'good') : ''}
<div class="panels"><section class="panel" aria-labelledby="book"><h2 id="book">Address book</h2>
${addresses.length === 0 ? html`<p class="soft">None yet. What you keep here is filled in at checkout.</p>` : html`<ul class="records">${addresses.map(addressRow)}</ul>`}</section>
${addressForm(page)}</div>`;
}

function addressRow(address: AddressOfBook): Html {
  const { id, name, line1, isDefault } = address;
  const whose = html`<span class="hidden">: ${name}, ${line1}</span>`;
  const button = (deed: string, label: string) =>
    html`<form method="post" action="${path}">${idempotencyField()}${signedInField()}<input type="hidden" name="id" value="${id}"><button class="link" type="submit" name="do" value="${deed}">${label}${whose}</button></form>`;
  return html`<li><span class="grows">${addressLinesOf(address)}${isDefault ? html`<span class="soft small">Default at checkout</span>` : ''}</span>
<span class="row"><a href="${path}?edit=${id}#form">Change${whose}</a>${isDefault ? '' : button('default', 'Make default')}${button('remove', 'Remove')}</span></li>`;
}

function addressForm({ edited, values, faults = {} }: AddressesPage): Html {
  const given = values as FormValues;
  const part = (name: keyof typeof labels, maxLength: number, autocomplete: string, more = {}) =>
    field({
      name,
      label: labels[name],
      autocomplete,
      value: given[name],
      fault: faults[name],
      maxLength,
      ...more,
    });
  const all = { className: 'all' };
  const isDefault = values.isDefault === true || given['is-default'] === 'yes';
  return html`<section class="panel" aria-labelledby="form"><h2 id="form">${edited ? 'Change an address' : 'Add an address'}</h2>
<form class="fields two" method="post" action="${path}" novalidate>${idempotencyField()}${signedInField()}
<input type="hidden" name="do" value="${edited ? 'change' : 'add'}">${edited ? html`<input type="hidden" name="id" value="${edited.id}">` : ''}
${part('name', addressLengths.name, 'name', all)}
${part('company', companyLengths.company, 'organization', { ...all, required: false })}
${part('vatNumber', companyLengths.vatNumber, 'off', { ...all, required: false })}
${part('line1', addressLengths.line1, 'address-line1', all)}
${part('line2', addressLengths.line2, 'address-line2', { ...all, required: false })}
${part('postalCode', addressLengths.postalCode, 'postal-code')}
${part('city', addressLengths.city, 'address-level2')}
<div class="field all"><label for="country">${labels.country}</label>
<select class="input" id="country" name="country" autocomplete="country"${raw(faults['country'] ? ' aria-invalid="true" aria-describedby="country-fault"' : '')}>${countries.map(
    ({ code, name }) =>
      html`<option value="${code}"${raw(code === given['country'] ? ' selected' : '')}>${name}</option>`,
  )}</select>${faults['country'] ? html`<p class="wrong" id="country-fault">${faults['country']}</p>` : ''}</div>
${edited?.isDefault ? '' : html`<label class="radio all"><input type="checkbox" name="is-default" value="yes"${raw(isDefault ? ' checked' : '')}><span>Begin checkout with this address</span></label>`}
<p class="row all"><button class="button" type="submit">Save address</button>${edited ? html`<a href="${path}">Do not change it</a>` : ''}</p></form></section>`;
}
