// The members of the staff and their roles: the owners' page and its JSON API.
import type { OpenAPIHono } from '@hono/zod-openapi';
import { type Context, Hono } from 'hono';
import { changeRole, endMemberSessions, listMembers, type Member, MemberSchema } from '../account/members.ts';
import type { Deps } from '../deps.ts';
import { findOrRefuse, type Refusal } from '../errors.ts';
import { signedInField } from '../identity/page-frame.ts';
import { roleMeanings, type StaffRole, staffRoles } from '../identity/staff-roles.ts';
import { requireStaffAccount } from '../identity/visitor.ts';
import {
  createApi,
  defineRoute,
  emptyAnswer,
  IdempotencyKeyHeader as headers,
  jsonAnswer,
  jsonBody,
  listAnswer,
  IdParams as params,
  z,
} from '../web/api/api.ts';
import { EmailField } from '../web/api/plain-text.ts';
import type { AppEnv } from '../web/env.ts';
import {
  type FormValues,
  faultSummary,
  field,
  idempotencyField,
  notice,
  readForm,
  readIdempotencyKey,
  refusalToShow,
} from '../web/page/form.ts';
import { type Html, html } from '../web/page/html.ts';
import type { PageVisitor } from '../web/page/layout.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { minutesOf, selectField, staffLayout } from './views/staff-layout.ts';

const tags = ['staff'];
const audience = 'staff';
const role = z.enum(staffRoles);

const listRoute = defineRoute({
  method: 'get',
  path: '/api/staff/members',
  operationId: 'listMembers',
  tags,
  audience,
  summary: 'Who works here, and in which role',
  responses: {
    200: listAnswer('All of them', MemberSchema, 'MemberList'),
  },
});

const addRoute = defineRoute({
  method: 'post',
  path: '/api/staff/members',
  operationId: 'addMember',
  tags,
  audience,
  refusals: ['not-found', 'last-owner', 'second-factor-needed'],
  summary: 'Give a role to whoever has an account with this e-mail',
  request: {
    headers,
    body: jsonBody(
      z
        .strictObject({ email: EmailField, role })
        .openapi('NewMember', { example: { email: 'ada@example.com', role: 'editor' } }),
    ),
  },
  responses: { 201: jsonAnswer('The member', MemberSchema, ['Location']) },
});

const getRoute = defineRoute({
  method: 'get',
  path: '/api/staff/members/{id}',
  operationId: 'getMember',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'A member of the staff',
  request: { params },
  responses: { 200: jsonAnswer('The member', MemberSchema) },
});

const patchRoute = defineRoute({
  method: 'patch',
  path: '/api/staff/members/{id}',
  operationId: 'changeMember',
  tags,
  audience,
  refusals: ['not-found', 'last-owner', 'second-factor-needed'],
  summary: 'Give a member another role, from the next request on',
  request: {
    headers,
    params,
    body: jsonBody(z.strictObject({ role }).openapi('MemberPatch', { example: { role: 'viewer' } })),
  },
  responses: { 200: jsonAnswer('The member', MemberSchema) },
});

const removeRoute = defineRoute({
  method: 'delete',
  path: '/api/staff/members/{id}',
  operationId: 'removeMember',
  tags,
  audience,
  refusals: ['not-found', 'last-owner', 'second-factor-needed'],
  summary: 'Take the role away; the account stays, as a shopper’s, and is signed out',
  request: { headers, params },
  responses: { 204: emptyAnswer('Done') },
});

const sessionsRoute = defineRoute({
  method: 'delete',
  path: '/api/staff/members/{id}/sessions',
  operationId: 'endMemberSessions',
  tags,
  audience,
  refusals: ['not-found', 'second-factor-needed'],
  summary: 'Sign a member out on all devices at once',
  request: { headers, params },
  responses: { 204: emptyAnswer('Done') },
});

/** Mount this behind the guard of the staff's API. The route table states the needed role. */
export function membersApi(deps: Deps): OpenAPIHono<AppEnv> {
  const api = createApi();
  const writeOf = async (c: Context<AppEnv>, key: string | undefined) => ({
    by: await requireStaffAccount(deps, c),
    method: c.req.method,
    path: c.req.path,
    key,
  });
  api.openapi(listRoute, async (c) => c.json({ items: await listMembers(deps.db) }, 200));
  api.openapi(addRoute, async (c) => {
    const write = await writeOf(c, c.req.valid('header')['idempotency-key']);
    const { email, role } = c.req.valid('json');
    const member = (await changeRole(deps, { ...write, who: { email }, role }))!;
    c.header('Location', `${c.req.path}/${member.id}`);
    return c.json(member, 201);
  });
  api.openapi(getRoute, async (c) =>
    c.json(
      findOrRefuse(await listMembers(deps.db), c.req.valid('param').id, 'This member of the staff'),
      200,
    ),
  );
  api.openapi(patchRoute, async (c) => {
    const write = await writeOf(c, c.req.valid('header')['idempotency-key']);
    const who = { id: c.req.valid('param').id };
    return c.json((await changeRole(deps, { ...write, who, role: c.req.valid('json').role }))!, 200);
  });
  api.openapi(removeRoute, async (c) => {
    const write = await writeOf(c, c.req.valid('header')['idempotency-key']);
    await changeRole(deps, { ...write, who: { id: c.req.valid('param').id }, role: undefined });
    return c.body(null, 204);
  });
  api.openapi(sessionsRoute, async (c) => {
    const write = await writeOf(c, c.req.valid('header')['idempotency-key']);
    await endMemberSessions(deps, { ...write, who: { id: c.req.valid('param').id } });
    return c.body(null, 204);
  });
  return api;
}

const roleNames: Record<StaffRole, string> = {
  owner: 'Owner',
  staff: 'Orders',
  editor: 'Catalog',
  viewer: 'Viewer',
};

/** Mount this behind the guard of the staff's pages. */
export function membersPages(deps: Deps): Hono<AppEnv> {
  const show = async (c: Context<AppEnv>, refused?: { values: FormValues; refusal: Refusal }) => {
    const account = await requireStaffAccount(deps, c);
    const page = membersPage({
      visitor: { name: account.name },
      ownId: account.id,
      members: await listMembers(deps.db),
      done: c.req.query('done') === 'yes',
      entered: refused?.values,
      refused: refused && `${refused.refusal.message}.`,
    });
    return respondPage(c, page, { status: refused?.refusal.status ?? 200 });
  };
  return new Hono<AppEnv>()
    .get('/staff/members', (c) => show(c))
    .post('/staff/members', async (c) => {
      const values = await readForm(c);
      const chosen = role.safeParse(values['role']);
      const who = values['member'] ? { id: values['member'] } : { email: values['email'] ?? '' };
      try {
        const write = {
          by: await requireStaffAccount(deps, c),
          method: 'POST',
          path: c.req.path,
          key: readIdempotencyKey(values),
        };
        if (values['do'] === 'sign-out')
          await endMemberSessions(deps, { ...write, who: { id: values['member'] ?? '' } });
        else await changeRole(deps, { ...write, who, role: chosen.success ? chosen.data : undefined });
        return seeOther('/staff/members?done=yes');
      } catch (error) {
        return show(c, { values, refusal: refusalToShow(error) });
      }
    });
}

interface MembersPage {
  visitor: PageVisitor;
  ownId: string;
  members: Member[];
  done: boolean;
  entered: FormValues | undefined;
  refused: string | undefined;
}

function membersPage({ visitor, ownId, members, done, entered = {}, refused }: MembersPage): Html {
  const title = refused === undefined ? 'Who works here' : 'Error: Who works here';
  return staffLayout(
    { title, visitor, here: '/staff/members' },
    html`<h1>Who works here</h1>
${faultSummary({}, { refused })}${done && !refused ? notice('Saved. It holds from the next click on.', 'good') : ''}
<ul class="records">${members.map((member) => memberRow(member, ownId))}</ul>
<section class="panel" aria-labelledby="add"><h2 id="add">Add somebody</h2>
<p>They create an account in the shop first, then sign in again with the role that you choose here.</p>
<form class="fields" action="/staff/members" method="post">${idempotencyField()}${signedInField()}
${field({ name: 'email', label: 'E-mail of the account', type: 'email', autocomplete: 'off', value: entered['member'] ? '' : entered['email'], maxLength: 254 })}
${selectField('role', 'Role', entered['role'] ?? 'staff', options)}
<button class="button" type="submit">Add</button></form></section>
<section aria-labelledby="roles"><h2 id="roles">What each role may do</h2>
<dl>${staffRoles.map((one) => html`<dt>${roleNames[one]}</dt><dd>${roleMeanings[one]}</dd>`)}</dl></section>`,
  );
}

const options: [string, string][] = staffRoles.map((one) => [one, roleNames[one]]);

function memberRow({ id, email, name, role, secondFactor, lastSignIn }: Member, ownId: string): Html {
  const seen = lastSignIn
    ? `Last sign-in ${minutesOf(lastSignIn.at)} from ${lastSignIn.address || 'an unknown address'}`
    : 'Not signed in yet';
  return html`<li><span class="grows"><strong>${name}</strong>${id === ownId ? ' (you)' : ''}<br>
<span class="soft small">${email} · ${seen} · ${secondFactor ? 'second factor' : 'password only'}</span></span>
<form class="row" action="/staff/members" method="post">${idempotencyField()}${signedInField()}<input type="hidden" name="member" value="${id}">
<label class="hidden" for="role-${id}">Role of ${name}</label>
<select class="input" id="role-${id}" name="role">${options.map(
    ([value, text]) =>
      html`<option value="${value}"${value === role ? html` selected` : ''}>${text}</option>`,
  )}<option value="none">None: remove from staff</option></select>
<button class="button quiet" type="submit">Save<span class="hidden"> the role of ${name}</span></button></form>
${
  id === ownId
    ? ''
    : html`<form action="/staff/members" method="post">${idempotencyField()}${signedInField()}<input type="hidden" name="member" value="${id}"><input type="hidden" name="do" value="sign-out">
<button class="button quiet" type="submit">Sign out<span class="hidden"> ${name} on all devices</span></button></form>`
}</li>`;
}
