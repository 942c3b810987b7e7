// Renders the account page: orders, personal data, password, devices, deletion.
// Each form's field `do` names the change.
import { raw } from 'hono/html';
import { linePicture } from '../../cart/views/cart.ts';
import type { VariantInfo } from '../../catalog/read-variants.ts';
import { signedInField } from '../../identity/page-frame.ts';
import type { Session } from '../../identity/session.ts';
import { describeProgress } from '../../order/life/describe-life.ts';
import type { Order } from '../../order/order.ts';
import { formatDay, formatMoney } from '../../web/money.ts';
import {
  type FormFaults,
  type FormValues,
  faultSummary,
  field,
  idempotencyField,
  notice,
} from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import { nameDevice } from '../known-device.ts';
import { newPasswordField } from './sign-in.ts';

export interface AccountPage {
  account: { name: string; email: string; role: string };
  orders: Order[];
  /** Variants of the newest orders, for their pictures. */
  variants: Map<string, VariantInfo>;
  devices: Session[];
  /** A requested new e-mail that is not confirmed yet. */
  pendingEmail: string | undefined;
  values?: FormValues;
  faults?: FormFaults;
  refused?: string | undefined;
  /** The sentence about what was just done. */
  done?: string | undefined;
}

const labels = {
  name: 'Name',
  email: 'New e-mail',
  emailPassword: 'Your password',
  currentPassword: 'Current password',
  newPassword: 'New password',
  confirm: 'Delete the account',
};

export function accountPage(page: AccountPage): Html {
  const { account, faults, refused, done } = page;
  return html`<div class="page-head"><h1>${account.name}</h1>
<form action="/account" method="post">${does('sign-out')}<button class="button quiet" type="submit">Sign out</button></form></div>
${faultSummary(labels, { faults, refused })}${done ? notice(done, 'good') : ''}
${account.role === 'staff' ? html`<p class="notice good"><a href="/staff">Staff pages</a></p>` : ''}
<div class="panels">
${ordersPanel(page)}${dataPanel(page)}${emailPanel(page)}${devicesPanel(page)}${passwordPanel(page)}${leavePanel(page)}
</div>`;
}

function ordersPanel({ orders, variants }: AccountPage): Html {
  return html`<section class="panel" aria-labelledby="orders"><h2 id="orders">Orders</h2>
${
  orders.length === 0
    ? html`<p class="soft">None yet.</p>`
    : html`<ul class="records">${orders.map(
        (
          order,
        ) => html`<li>${orderPictures(order, variants)}<span class="grows"><a href="/orders/${order.id}">Order ${order.number}</a><br>
<span class="soft small">${formatDay(order.placedAt)} · ${describeProgress(order)}</span></span>
<span class="price">${formatMoney(order.total.amount)}</span></li>`,
      )}</ul>`
}</section>`;
}

/** Shows at most three pictures. They are decoration, because the link beside them names the order. */
function orderPictures({ lines }: Order, variants: Map<string, VariantInfo>): Html | '' {
  const known = lines.filter(({ variantId }) => variants.get(variantId)?.imageUrl !== undefined).slice(0, 3);
  if (known.length === 0) return '';
  return html`<div class="thumbs">${known.map(({ variantId }) => linePicture(variants.get(variantId)))}</div>`;
}

function dataPanel({ account, values = {}, faults = {} }: AccountPage): Html {
  return html`<section class="panel" aria-labelledby="data"><h2 id="data">Name</h2>
<form class="fields" action="/account" method="post">${does('rename')}
${field({ name: 'name', label: labels.name, autocomplete: 'name', value: values['name'] ?? account.name, fault: faults['name'], maxLength: 100 })}
<button class="button quiet" type="submit">Save</button></form>
<p><a href="/account/addresses">Your addresses</a>: filled in at checkout.</p>
<p><a href="/account/data">See and download all that we keep of you</a></p></section>`;
}

function emailPanel({ account, pendingEmail, values = {}, faults = {} }: AccountPage): Html {
  return html`<section class="panel" aria-labelledby="mail"><h2 id="mail">E-mail</h2>
<p>Signed in as ${account.email}.</p>
${
  pendingEmail === undefined
    ? ''
    : html`<p>Waits to be confirmed: <strong>${pendingEmail}</strong>. The link is in our mail there.</p>
<form action="/account" method="post">${does('stop-email')}<button class="link" type="submit">Keep the present one</button></form>`
}
<form class="fields" action="/account" method="post">${does('change-email')}
${field({ name: 'email', label: labels.email, type: 'email', autocomplete: 'email', value: values['email'], fault: faults['email'], maxLength: 254 })}
${field({ name: 'emailPassword', label: labels.emailPassword, type: 'password', autocomplete: 'current-password', fault: faults['emailPassword'], maxLength: 200 })}
<p class="hint">We send a link to both addresses. The new one counts once it is confirmed.</p>
<button class="button quiet" type="submit">Change e-mail</button></form></section>`;
}

function devicesPanel({ devices }: AccountPage): Html {
  return html`<section class="panel" aria-labelledby="devices"><h2 id="devices">Devices</h2>
<ul class="records">${devices.map(
    (
      device,
    ) => html`<li><span>${nameDevice(device.device)}<br><span class="soft small">${device.current ? 'This device' : `Last seen ${formatDay(device.lastSeenAt)}`}</span></span>
${device.current ? '' : html`<form action="/account" method="post">${does('end-session')}<input type="hidden" name="session" value="${device.id}"><button class="link" type="submit">Sign out<span class="hidden">: ${nameDevice(device.device)}</span></button></form>`}</li>`,
  )}</ul>${previousSignIn(devices)}</section>`;
}

/** Shows the sign-in before this one, so that the owner notices one that was not theirs. */
function previousSignIn(devices: Session[]): Html | '' {
  const before = devices.find(({ current }) => current)?.previousSignIn;
  if (before === undefined) return '';
  const time = before.at.slice(0, 16).replace('T', ' ');
  return html`<p class="hint">Last sign-in before this one: ${time} UTC, ${nameDevice(before.device)}${before.address === '' ? '' : `, from ${before.address}`}. Was it not you? Change your password.</p>`;
}

function passwordPanel({ faults = {} }: AccountPage): Html {
  return html`<section class="panel" aria-labelledby="change"><h2 id="change">Password</h2>
<form class="fields" action="/account" method="post">${does('change-password')}
${field({ name: 'currentPassword', label: labels.currentPassword, type: 'password', autocomplete: 'current-password', fault: faults['currentPassword'], maxLength: 200 })}
${newPasswordField('newPassword', faults, labels.newPassword)}
<p class="hint">Signs out all other devices.</p>
<button class="button quiet" type="submit">Change password</button></form>
<p><a href="/account/second-factor">Second factor and passkeys</a>: sign in by an app, a finger or a key.</p></section>`;
}

function leavePanel({ faults = {} }: AccountPage): Html {
  return html`<section class="panel" aria-labelledby="leave"><h2 id="leave">Delete account</h2>
<details${faults['confirm'] ? html` open` : ''}><summary>Delete the account</summary>
<form class="fields" action="/account" method="post">${does('delete')}
<p>Name, addresses, bag and devices are deleted at once. Orders stay in our books, without your name; only invoices keep it, as long as tax law asks. What has not been shipped yet cannot reach you any more: cancel it before. This cannot be undone.</p>
<label class="radio"><input type="checkbox" id="confirm" name="confirm" value="yes" required${raw(faults['confirm'] ? ' aria-invalid="true" aria-describedby="confirm-fault"' : '')}><span>Yes, delete my account</span></label>
${faults['confirm'] ? html`<p class="wrong" id="confirm-fault">${faults['confirm']}</p>` : ''}
<button class="button quiet" type="submit">Delete my account</button></form></details></section>`;
}

function does(what: string): Html {
  return html`${idempotencyField()}${signedInField()}<input type="hidden" name="do" value="${what}">`;
}
