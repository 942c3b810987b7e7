// The staff page of unclear payments: why each is unclear, and the forms that decide it. Each decision is audited.
import { type Context, Hono } from 'hono';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { readVisitor, requireStaff } from '../identity/visitor.ts';
import { settlePayment } from '../order/pay-order.ts';
import {
  decidePayment,
  decisions,
  listUnclearPayments,
  listWatchedPayments,
  type PaymentDecision,
  readPayment,
  type UnclearPayment,
  type WatchedPayment,
} from '../order/payment/disputed-and-unclear.ts';
import { type PaymentProviders, providerNames } from '../order/payment/providers.ts';
import { retryOnConflict } from '../postgres/postgres-errors.ts';
import type { Tx } from '../schema.ts';
import type { AppEnv } from '../web/env.ts';
import { formatMoney } from '../web/money.ts';
import { notice, readForm } from '../web/page/form.ts';
import { type Html, html } from '../web/page/html.ts';
import { layout, type PageVisitor } from '../web/page/layout.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { readChanges, type StaffChange } from './change-catalog.ts';
import { staffNavigation } from './views/staff-layout.ts';

const mostShown = 100;

/** Mount this behind the guard of the staff's pages. */
export function paymentPages(deps: Deps, providers: PaymentProviders): Hono<AppEnv> {
  return new Hono<AppEnv>()
    .get('/staff/payments', async (c) => {
      const about = c.req.query('about');
      const [{ account }, payments, watched, decided, changes] = await Promise.all([
        readVisitor(deps, c),
        listUnclearPayments(deps.db, mostShown),
        listWatchedPayments(deps.db, mostShown),
        about === undefined ? undefined : readPayment(deps.db, about),
        about === undefined ? [] : readChanges(deps.db, [`payment:${about}`]),
      ]);
      const visitor = { name: account?.name };
      return respondPage(c, paymentsPage({ visitor, payments, watched, decided, changes }));
    })
    .post('/staff/payments/:order', async (c) => {
      const orderId = c.req.param('order');
      const { deed } = await readForm(c);
      const decision = decisions.find((one) => one === deed);
      if (deed === 'ask') await askNow(deps, providers, orderId);
      else if (decision !== undefined) await decide(deps, c, orderId, decision);
      else throw new Refusal(422, 'invalid-body', 'Please press one of the buttons of a payment');
      return seeOther(`/staff/payments?about=${orderId}`);
    });
}

/** @throws Refusal 404 */
async function askNow(deps: Deps, providers: PaymentProviders, orderId: string): Promise<void> {
  await readPayment(deps.db, orderId);
  await settlePayment(deps, orderId, providers).catch((error: unknown) =>
    deps.log.warn({ err: error, orderId }, 'a payment could not be settled'),
  );
}

/** @throws Refusal 404 */
async function decide(
  deps: Deps,
  c: Context<AppEnv>,
  orderId: string,
  decision: PaymentDecision,
): Promise<void> {
  const { id: accountId } = await requireStaff(deps, c);
  const write = async (tx: Tx) => {
    const made = await decidePayment({ ...deps, tx }, orderId, decision);
    if (made === undefined) return;
    await tx
      .insertInto('staff_changes')
      .values({
        account_id: accountId,
        subject: `payment:${orderId}`,
        before: JSON.stringify(made.before),
        after: JSON.stringify(made.after),
      })
      .execute();
  };
  await retryOnConflict(() => deps.db.transaction().execute(write));
  deps.wakeWorker();
}

interface PaymentsPage {
  visitor: PageVisitor;
  payments: UnclearPayment[];
  watched: WatchedPayment[];
  decided: UnclearPayment | undefined;
  changes: StaffChange[];
}

function paymentsPage({ visitor, payments, watched, decided, changes }: PaymentsPage): Html {
  return layout(
    { title: 'Unclear payments, staff', unlisted: true, visitor },
    html`<div class="staff">${staffNavigation('/staff/payments')}
<h1>Unclear payments</h1>
${decided === undefined ? '' : notice(describeDecided(decided, changes), 'good')}
<p>Look at the provider’s own pages before you decide. The pieces of these orders are kept until then.
If money comes after “It was not paid”, it is paid back by itself.</p>
<table class="rows">
<caption>${payments.length === 0 ? 'Nothing is unclear' : payments.length < mostShown ? 'Oldest first' : `The oldest ${mostShown}`}</caption>
<thead><tr><th scope="col">Order, and what is unclear</th><th scope="col">What was it?</th></tr></thead>
<tbody>${payments.map(paymentRow)}</tbody>
</table>
${watched.length === 0 ? '' : watchedSection(watched)}</div>`,
  );
}

/** Payments with a deadline for action. */
function watchedSection(watched: WatchedPayment[]): Html {
  return html`<section aria-labelledby="watched"><h2 id="watched">To be seen to in time</h2>
<p>Evidence for a dispute is handed in at the provider’s own pages. An order whose authorisation ends before it is shipped is cancelled.</p>
<ul class="records">${watched.map(
    ({ orderId, number, amount, what, until }) =>
      html`<li><span><a href="/staff/orders/${orderId}">${number}</a>, ${formatMoney(amount)}</span>
<span class="soft">${what === 'dispute' ? 'Disputed, answer by' : 'Authorisation ends'} ${until === null ? 'soon' : minutesOf(until)}</span></li>`,
  )}</ul></section>`;
}

function paymentRow(payment: UnclearPayment): Html {
  const { orderId, number, placedAt, total, provider, reference, flag, detail } = payment;
  const deeds: [deed: string, label: string][] =
    flag === 'late-money'
      ? [
          ['ask', 'Pay it back now'],
          ['paid-back', 'It was paid back'],
        ]
      : [
          ['ask', 'Ask again'],
          ['paid', 'It was paid'],
          ['not-paid', 'It was not paid'],
        ];
  const why =
    flag === 'late-money'
      ? 'Paid after the order had ended; it is to be paid back.'
      : (detail ?? 'The provider did not answer.');
  const known = [minutesOf(placedAt), providerNames[provider] ?? provider, reference].filter(Boolean);
  return html`<tr><th scope="row">${number}, ${formatMoney(total)}<br><span class="hint">${known.join(' · ')}</span>
<p>${why}</p></th>
<td><form class="row" method="post" action="/staff/payments/${orderId}">${deeds.map(
    ([deed, label]) =>
      html`<button class="button quiet" type="submit" name="deed" value="${deed}" aria-label="${label}: order ${number}">${label}</button>`,
  )}</form></td></tr>`;
}

function describeDecided({ number, status, flag }: UnclearPayment, changes: StaffChange[]): string {
  const states: Record<UnclearPayment['status'], string> = {
    reserved: 'is not begun',
    pending: 'is open: the provider waits for the buyer or the bank',
    authorised: 'is authorised, and taken when a parcel leaves',
    paid: 'is paid',
    failed: 'is not paid, and the order has ended',
    unknown: 'is still unclear',
  };
  const money = {
    'late-money': '; its money is still to be paid back',
    refunded: '; its money was paid back',
  };
  const [last] = changes;
  const by =
    last === undefined
      ? ''
      : ` Decided by ${last.who ?? 'somebody who has left'}, ${minutesOf(last.changedAt)}.`;
  return `The payment of order ${number} ${states[status]}${flag === null ? '' : money[flag]}.${by}`;
}

/** The time in UTC, to the minute. */
function minutesOf(time: Date): string {
  return time.toISOString().slice(0, 16).replace('T', ' ');
}
