// The page on which a buyer withdraws from a contract, without signing in: name, e-mail, order and pieces.
import { type Context, Hono } from 'hono';
import type { Deps } from '../deps.ts';
import { readFrame } from '../identity/page-frame.ts';
import { readVisitor } from '../identity/visitor.ts';
import type { AppEnv } from '../web/env.ts';
import {
  type FormFaults,
  type FormValues,
  faultSummary,
  faultsOf,
  field,
  idempotencyField,
  notice,
  readForm,
  titleOf,
} from '../web/page/form.ts';
import { type Html, html } from '../web/page/html.ts';
import { layout } from '../web/page/layout.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { declareWithdrawal, formatMoment, WithdrawalSchema } from './withdrawal.ts';

export function withdrawalPages(deps: Deps): Hono<AppEnv> {
  return new Hono<AppEnv>()
    .get('/withdrawal', async (c) => {
      const { received, order = '' } = c.req.query();
      const { account } = await readVisitor(deps, c);
      const values = { order, ...(account ? { name: account.name, email: account.email } : {}) };
      return show(deps, c, { values, receivedAt: readTime(received) });
    })
    .post('/withdrawal', async (c) => {
      const values = await readForm(c);
      const parsed = WithdrawalSchema.safeParse({ ...values, pieces: values['pieces'] ?? '' });
      if (!parsed.success) return show(deps, c, { values, faults: faultsOf(parsed.error, values) });
      const { declaredAt } = await declareWithdrawal(deps, parsed.data);
      return seeOther(`/withdrawal?${new URLSearchParams({ received: declaredAt.toISOString() })}`);
    });
}

interface Shown {
  values: FormValues;
  faults?: FormFaults;
  receivedAt?: Date | undefined;
}

function readTime(text = ''): Date | undefined {
  const time = /^\d{4}-[\d:.TZ-]{10,30}$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : new Date(time);
}

async function show(deps: Deps, c: Context<AppEnv>, shown: Shown): Promise<Response> {
  const title = titleOf('Withdraw from a contract', shown.faults !== undefined);
  return respondPage(
    c,
    layout({ title, unlisted: true, ...(await readFrame(deps, c)) }, withdrawalPage(shown)),
    {
      status: shown.faults === undefined ? 200 : 422,
    },
  );
}

const labels = {
  name: 'Your name',
  email: 'E-mail for the confirmation',
  order: 'Order number',
  pieces: 'Pieces',
};

function withdrawalPage({ values, faults = {}, receivedAt }: Shown): Html {
  if (receivedAt !== undefined)
    return html`<section class="narrow"><h1>Your withdrawal</h1>
${notice(`We have received your withdrawal on ${formatMoment(receivedAt)}.`, 'good')}
<p>A mail that repeats it with this time is on its way to you. We write to you about what to send back and when your money comes.</p>
<p class="row"><a class="button quiet" href="/returns">About returns</a> <a href="/">To the front page</a></p></section>`;
  return html`<section class="narrow"><h1>Withdraw from a contract</h1>
<p>You may withdraw from your purchase without giving a reason, as our page about <a href="/returns">returns</a> explains. Say here from what; you need not sign in.</p>
${faultSummary(labels, { faults })}
<form class="fields" method="post" action="/withdrawal" novalidate>${idempotencyField()}
${field({ name: 'name', label: labels.name, autocomplete: 'name', value: values['name'], fault: faults['name'], maxLength: 100 })}
${field({ name: 'email', label: labels.email, type: 'email', autocomplete: 'email', value: values['email'], fault: faults['email'], maxLength: 254 })}
${field({ name: 'order', label: labels.order, autocomplete: 'off', value: values['order'], fault: faults['order'], hint: 'It stands in the confirmation of your order and begins with MC-.', maxLength: 40 })}
<div class="field"><label for="pieces">${labels.pieces} <span class="soft">(optional)</span></label>
<textarea class="input" id="pieces" name="pieces" rows="4" dir="auto" maxlength="2000" aria-describedby="pieces-hint">${values['pieces'] ?? ''}</textarea>
${faults['pieces'] ? html`<p class="wrong">${faults['pieces']}</p>` : ''}
<p class="hint" id="pieces-hint">Leave this empty to withdraw from the whole order.</p></div>
<p><button class="button" type="submit">Confirm withdrawal</button></p></form></section>`;
}
