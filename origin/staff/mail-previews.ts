// The staff page that shows every kind of mail with a sample order, as HTML and as text.

import { type Context, Hono } from 'hono';
import { insertEmailChange } from '../account/change-email.ts';
import { listProducts } from '../catalog/list/list-products.ts';
import { parseListQuery } from '../catalog/list/list-query.ts';
import { readProductById } from '../catalog/read-product.ts';
import { readVariantsFresh } from '../catalog/read-variants.ts';
import type { Deps } from '../deps.ts';
import { notFound, Refusal } from '../errors.ts';
import { readVisitor, requireStaff } from '../identity/visitor.ts';
import { type Mail, renderHtml, renderText } from '../mail/mail.ts';
import { insertSampleOrder } from '../order/sample-order.ts';
import { mailTemplates, prepareMail } from '../prepare-mail.ts';
import type { Tx } from '../schema.ts';
import type { AppEnv } from '../web/env.ts';
import { html } from '../web/page/html.ts';
import { respondPage } from '../web/page/page-response.ts';
import { staffLayout } from './views/staff-layout.ts';

/** When each mail is sent. */
const occasions: Record<string, string> = {
  'order-confirmation': 'An order is placed, and paid or to be paid at the door',
  'order-shipped': 'A parcel has left',
  'order-delivered': 'A parcel has arrived',
  'order-paid': 'The money was taken at the door',
  'order-cancelled': 'The shopper or staff cancelled it',
  'order-refunded': 'Money has gone back',
  'return-requested': 'A return was announced',
  'return-received': 'A return has arrived',
  'return-refused': 'A return was not accepted',
  'order-link': 'Somebody looked for an order by number and e-mail',
  'withdrawal-received': 'Somebody withdrew from a contract',
  'password-reset': 'Somebody asked for a new password',
  'email-confirmation': 'Somebody asked for this as the new e-mail of an account',
  'email-change-notice': 'The e-mail of the account is to be changed; to the present one',
};

/** The frame may contain styles, as mails do, and pictures. It may run no scripts, and only the shop may frame it. */
const framePolicy = [
  "default-src 'none'",
  "img-src 'self' data: https: http:",
  "style-src 'unsafe-inline'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ');

/** Mount this behind the guard of the staff's pages. */
export function mailPages(deps: Deps): Hono<AppEnv> {
  return new Hono<AppEnv>()
    .get('/staff/mails', (c) => showKinds(deps, c))
    .get('/staff/mails/:template', (c) => showMail(deps, c))
    .get('/staff/mails/:template/html', async (c) => {
      const mail = await previewMail(deps, c);
      return c.html(renderHtml(mail, deps.settings), 200, { 'Content-Security-Policy': framePolicy });
    });
}

function nameOf(template: string): string {
  const words = template.replaceAll('-', ' ');
  return `${words[0]!.toUpperCase()}${words.slice(1)}`;
}

async function showKinds(deps: Deps, c: Context<AppEnv>): Promise<Response> {
  const { account } = await readVisitor(deps, c);
  const rows = mailTemplates.map(
    (template) =>
      html`<tr><th scope="row"><a href="/staff/mails/${template}">${nameOf(template)}</a></th><td>${occasions[template] ?? ''}</td></tr>`,
  );
  return respondPage(
    c,
    staffLayout(
      { title: 'Mails', visitor: { name: account?.name }, here: '/staff/mails' },
      html`<h1>Mails</h1>
<p class="soft">As they would be sent today, with a sample order that is kept nowhere.</p>
<table class="rows"><caption>Kinds</caption>
<thead><tr><th scope="col">Mail</th><th scope="col">When</th></tr></thead><tbody>${rows}</tbody></table>`,
    ),
  );
}

async function showMail(deps: Deps, c: Context<AppEnv>): Promise<Response> {
  const { account } = await readVisitor(deps, c);
  const template = c.req.param('template') ?? '';
  const mail = await previewMail(deps, c);
  const frame = (width: string) =>
    html`<iframe class="mail-frame ${width}" sandbox="" title="HTML, ${width} window" src="/staff/mails/${template}/html"></iframe>`;
  return respondPage(
    c,
    staffLayout(
      { title: `${nameOf(template)}, mail`, visitor: { name: account?.name }, here: '/staff/mails' },
      html`<p><a href="/staff/mails">All mails</a></p><h1>${nameOf(template)}</h1>
<p class="soft">${occasions[template] ?? ''}</p>
<p>Subject: <b>${mail.subject}</b></p>
<h2>Narrow window</h2>${frame('narrow')}
<h2>Wide window</h2>${frame('wide')}
<h2>Text</h2><pre class="mail-text" tabindex="0" role="region" aria-label="Text">${renderText(mail, deps.settings)}</pre>`,
    ),
  );
}

/** @throws Refusal 404; 409 while there is no product for a sample order */
async function previewMail(deps: Deps, c: Context<AppEnv>): Promise<Mail> {
  const template = c.req.param('template') ?? '';
  if (!mailTemplates.includes(template)) throw notFound('This mail');
  const { id } = await requireStaff(deps, c);
  const { account } = await readVisitor(deps, c);
  const mail = await withoutTrace(deps, (tx) =>
    writeSample(tx, deps, { template, email: account!.email, id: id ?? '' }),
  );
  if (mail === undefined) throw notFound('A sample of this mail');
  return mail;
}

async function writeSample(
  tx: Tx,
  deps: Deps,
  { template, email, id }: { template: string; email: string; id: string },
): Promise<Mail | undefined> {
  const variants = await chooseVariants(tx);
  if (variants.length === 0)
    throw new Refusal(409, 'not-found', 'Mails are shown with products of the shop, and there is none yet');
  const { number, ...ids } = await insertSampleOrder(tx, deps, { email, variants });
  const seed = await insertEmailChange(tx, deps, { id, email, next: 'new@example.com' });
  return prepareMail(
    { ...deps, db: tx },
    { to: email, template, data: { number, seed, ...ids } },
    `preview of ${id}`,
  );
}

/** Takes one variant of each of the two newest products. */
async function chooseVariants(tx: Tx) {
  const { value } = await listProducts(tx, parseListQuery(new URLSearchParams(), 'page'));
  const products = await Promise.all(value.items.slice(0, 2).map(({ id }) => readProductById(tx, id)));
  const ids = products.flatMap((product) => product?.variants.slice(0, 1).map(({ id }) => id) ?? []);
  return [...(await readVariantsFresh(tx, ids)).values()];
}

/** Runs `run` in a transaction that is rolled back, so that nobody else sees its writes. */
async function withoutTrace<Result>(
  { db }: Pick<Deps, 'db'>,
  run: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  let result: { value: Result } | undefined;
  const rolledBack = new Error('The sample is rolled back');
  await db
    .transaction()
    .execute(async (tx) => {
      result = { value: await run(tx) };
      throw rolledBack;
    })
    .catch((error: unknown) => {
      if (error !== rolledBack) throw error;
    });
  return result!.value;
}
