// What operators see of themselves: sign-in, its second step, and the page of their second factor and sessions.
import { html } from 'hono/html';
import { nameDevice } from '../../../origin/account/known-device.ts';
import type { Operator } from '../../../origin/account/operator-factors.ts';
import type { OperatorSession } from '../../../origin/account/operator-sessions.ts';
import type { Html } from '../../../origin/web/page/html.ts';
import { hidden, scrolled, tellAgo, tellTime } from './layout.ts';

export function signInView(): Html {
  return html`
    <form class="sign-in" method="post" action="/jobs">
      <label for="name">Your name, for the log</label>
      <input id="name" name="name" autocomplete="username" maxlength="60">
      <label for="password">Operator's password</label>
      <input id="password" name="password" type="password" autocomplete="current-password" required>
      <button>Sign in</button>
    </form>`;
}

export function codeView(ticket: string): Html {
  return html`
    <form class="sign-in" method="post" action="/jobs">
      ${hidden('ticket', ticket)}
      ${codeField()}
      <button>Sign in</button>
    </form>
    <p><a href="/jobs">Back to sign-in</a></p>`;
}

function codeField(): Html {
  return html`<label for="code">Six digits of your authenticator app, or a recovery code</label>
      <input id="code" name="code" autocomplete="one-time-code" maxlength="40" required>`;
}

export interface OwnPage {
  name: string;
  /** Undefined for a program. */
  session: OperatorSession | undefined;
  previous: Pick<OperatorSession, 'createdAt' | 'device' | 'address'> | undefined;
  sessions: OperatorSession[];
  /** Undefined without a second factor. */
  operator: Operator | undefined;
  operators: Operator[];
  /** Of an app that is being set up. */
  app?: { secret: string; uri: string } | undefined;
  /** Just made: they are shown this once. */
  recoveryCodes?: string[] | undefined;
  /** Just made, for somebody else. */
  admitted?: { name: string; code: string } | undefined;
}

export function ownView(page: OwnPage): Html {
  return html`
    ${lastSignIn(page)}
    ${page.recoveryCodes ? recoveryCodes(page.recoveryCodes) : ''}
    ${page.admitted ? admittedCode(page.admitted) : ''}
    ${page.session === undefined ? '' : factorSection(page)}
    ${sessionsSection(page)}
    ${page.operator === undefined ? '' : operatorsSection(page)}`;
}

/** So that somebody notices a sign-in that was not theirs. */
function lastSignIn({ session, previous, name }: OwnPage): Html {
  if (session === undefined) return html`<p>A program is signed in by the password.</p>`;
  if (previous === undefined) return html`<p>${name} was not signed in before.</p>`;
  return html`<p>Last sign-in before this one: ${tellTime(previous.createdAt)} UTC${previous.address === '' ? '' : ` from ${previous.address}`}, ${nameDevice(previous.device)}. Was it not you? Have the password changed (<code>OPERATOR_PASSWORD</code>): that signs everybody out.</p>`;
}

function does(what: string, content: Html): Html {
  return html`<form class="sign-in" method="post" action="/jobs/you">${hidden('do', what)}${content}</form>`;
}

function factorSection({ operator, app }: OwnPage): Html {
  return html`<h2>Second factor</h2>
    ${
      app !== undefined
        ? html`<ol><li>Open an authenticator app and add an account: <a href="${app.uri}">on this device</a>, or enter this key there: <code>${app.secret.match(/.{1,4}/g)!.join(' ')}</code></li>
      <li>Enter the six digits that the app shows. All others who are signed in are signed out if it is the first of the shop.</li></ol>
    ${does('confirm', html`${codeField()}<button>Turn on</button>`)}`
        : operator?.hasApp
          ? html`<p>An app is set up, and ${operator.recoveryCodesLeft} recovery codes are left. Programs cannot sign in by password: they use <code>npm run ops -- jobs</code>.</p>
    <details><summary>Turn it off</summary>${does('remove', html`${codeField()}<button>Turn off</button>`)}</details>`
          : html`<p>Sign-in then asks for the password and for a code of an app on your phone. Once one operator has set it up, everybody needs one, and programs cannot sign in by password any more.</p>
    ${does('begin', html`<button>Set up an app</button>`)}`
    }`;
}

function recoveryCodes(codes: string[]): Html {
  return html`<h2>Recovery codes</h2>
    <p>Without your phone, each of these signs you in once. Keep them where your phone is not: they are not shown again.</p>
    <ul class="codes">${codes.map((code) => html`<li><code>${code}</code></li>`)}</ul>`;
}

function admittedCode({ name, code }: { name: string; code: string }): Html {
  return html`<h2>Code for ${name}</h2>
    <p>With the password and the name ${name} it signs in once. They then set up an app of their own. It is not shown again: <code>${code}</code></p>`;
}

function sessionsSection({ sessions, session }: OwnPage): Html {
  return html`<h2>Signed in now</h2>
    ${scrolled(
      'Sessions',
      html`<table class="stacked"><thead><tr><th scope="col">Who</th><th scope="col">Since</th><th scope="col">Seen</th><th scope="col">From</th><th scope="col">Factor</th><th scope="col">End</th></tr></thead>
      <tbody>${sessions.map(
        (one) => html`<tr><th scope="row">${one.name}${one.id === session?.id ? ' (you)' : ''}</th>
        <td data-label="Since">${tellTime(one.createdAt)}</td>
        <td data-label="Seen">${tellAgo(one.lastSeenAt)}</td>
        <td data-label="From">${one.address || '–'}</td>
        <td data-label="Factor">${one.verifiedAt === null ? 'password only' : 'shown'}</td>
        <td>${one.id === session?.id ? '' : html`<form method="post" action="/jobs/you">${hidden('do', 'end')}${hidden('session', one.id)}<button aria-label="Sign out ${one.name}">Sign out</button></form>`}</td></tr>`,
      )}</tbody></table>`,
    )}`;
}

function operatorsSection({ operators, operator }: OwnPage): Html {
  return html`<h2>Operators</h2>
    <ul>${operators.map(
      ({ name, hasApp, passkeys }) =>
        html`<li>${name}: ${hasApp || passkeys > 0 ? 'second factor' : 'a code, not used yet or nothing set up'}</li>`,
    )}</ul>
    ${
      operator?.hasApp || (operator?.passkeys ?? 0) > 0
        ? html`<p>Somebody new, or whose phone is lost, gets a code that signs in once. A factor that they have is removed.</p>
    ${does(
      'admit',
      html`<label for="name">Name</label><input id="name" name="name" autocomplete="off" maxlength="60" required>
      <label for="own-code">Your own code, once more</label><input id="own-code" name="code" autocomplete="one-time-code" maxlength="40" required>
      <button>Make a code</button>`,
    )}`
        : ''
    }`;
}
