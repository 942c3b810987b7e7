// The sign-in of operators, its second step, and the page of an operator's second factor and sessions.
import { html } from 'hono/html';
import { nameDevice } from '../../../origin/account/known-device.ts';
import { hasFactor, type Operator } from '../../../origin/account/operator-factors.ts';
import type { OperatorSession } from '../../../origin/account/operator-sessions.ts';
import type { Passkey } from '../../../origin/account/passkey-ceremony.ts';
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

export function codeView({ ticket, passkey }: { ticket: string; passkey: object | undefined }): Html {
  return html`
    ${passkeyForm({ action: '/jobs', options: passkey, label: 'Use a passkey', content: hidden('ticket', ticket) })}
    <form class="sign-in" method="post" action="/jobs">
      ${hidden('ticket', ticket)}
      ${codeField()}
      <button>Sign in</button>
    </form>
    <p><a href="/jobs">Back to sign-in</a></p>`;
}

function codeField(id = 'code'): Html {
  return html`<label for="${id}">Six digits of your authenticator app, or a recovery code</label>
      <input id="${id}" name="code" autocomplete="one-time-code" maxlength="40" required>`;
}

interface PasskeyForm {
  action: string;
  /** Options for the browser; undefined: the form is not shown. */
  options: object | undefined;
  label: string;
  content: Html | '';
}

/** The script shows this form where the browser supports passkeys. */
function passkeyForm({ action, options, label, content }: PasskeyForm): Html | '' {
  if (options === undefined) return '';
  return html`<div data-passkey-place hidden><form class="sign-in" method="post" action="${action}" data-passkey="${JSON.stringify(options)}">${content}<input type="hidden" name="passkey" value=""><button>${label}</button><p role="status"></p></form><script type="module" src="/jobs/passkeys.js"></script></div>`;
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
  passkeys: Passkey[];
  /** Options for using a passkey and for adding one; undefined at an address where passkeys do not work. */
  entry: object | undefined;
  added: object | undefined;
  passkeysAt: string;
  /** Whether the second factor was shown within ten minutes. */
  isFresh: boolean;
  /** Secret of an authenticator app that is being set up. */
  app?: { secret: string; uri: string } | undefined;
  /** New recovery codes, which the page shows only once. */
  recoveryCodes?: string[] | undefined;
  /** A new code for another operator. */
  admitted?: { name: string; code: string } | undefined;
}

export function ownView(page: OwnPage): Html {
  return html`
    ${lastSignIn(page)}
    ${page.recoveryCodes ? recoveryCodes(page.recoveryCodes) : ''}
    ${page.admitted ? admittedCode(page.admitted) : ''}
    ${page.session === undefined ? '' : html`${factorSection(page)}${passkeySection(page)}`}
    ${sessionsSection(page)}
    ${page.operator === undefined ? '' : operatorsSection(page)}`;
}

/** The last sign-in, by which an operator notices one that was not theirs. */
function lastSignIn({ session, previous, name }: OwnPage): Html {
  if (session === undefined) return html`<p>A program is signed in by the password.</p>`;
  if (previous === undefined) return html`<p>${name} was not signed in before.</p>`;
  return html`<p>Last sign-in before this one: ${tellTime(previous.createdAt)} UTC${previous.address === '' ? '' : ` from ${previous.address}`}, ${nameDevice(previous.device)}. Was it not you? Have the password changed (<code>OPERATOR_PASSWORD</code>): that signs everybody out.</p>`;
}

function does(what: string, content: Html): Html {
  return html`<form class="sign-in" method="post" action="/jobs/you">${hidden('do', what)}${content}</form>`;
}

/** Forms that need a code, or a passkey where there is one. @param fields added to both, each with its own ids */
function provenForms(
  { entry }: OwnPage,
  what: string,
  { label, fields }: { label: string; fields?: (idPrefix: string) => Html },
): Html {
  const byCode = does(
    what,
    html`${fields?.(what) ?? ''}${codeField(`code-${what}`)}<button>${label}</button>`,
  );
  if (entry === undefined) return byCode;
  return html`${passkeyForm({
    action: '/jobs/you',
    options: entry,
    label: `${label} by passkey`,
    content: html`${hidden('do', what)}${fields?.(`passkey-${what}`) ?? ''}`,
  })}<details><summary>${label} by code</summary>${byCode}</details>`;
}

function factorSection(page: OwnPage): Html {
  const { operator, app } = page;
  return html`<h2>Second factor</h2>
    ${
      app !== undefined
        ? html`<ol><li>Open an authenticator app and add an account: <a href="${app.uri}">on this device</a>, or enter this key there: <code>${app.secret.match(/.{1,4}/g)!.join(' ')}</code></li>
      <li>Enter the six digits that the app shows. All others who are signed in are signed out if it is the first of the shop.</li></ol>
    ${does('confirm', html`${codeField()}<button>Turn on</button>`)}`
        : operator?.hasApp
          ? html`<p>An app is set up, and ${operator.recoveryCodesLeft} recovery codes are left. Programs cannot sign in by password: they use <code>npm run ops -- jobs</code>.</p>
    <details><summary>Turn it off</summary>${provenForms(page, 'remove', { label: 'Turn off' })}</details>`
          : html`<p>Sign-in then asks for the password and for a code of an app on your phone. Once one operator has set it up, everybody needs one, and programs cannot sign in by password any more.</p>
    ${does('begin', html`<button>Set up an app</button>`)}`
    }`;
}

function passkeySection(page: OwnPage): Html {
  const { passkeys, operator, isFresh, added, passkeysAt } = page;
  const mayChange = isFresh || operator === undefined || !hasFactor(operator);
  return html`<h2>Passkeys</h2>
    <p>With the password, a passkey of your computer, phone or key signs you in by finger, face or PIN in place of a code.</p>
    ${
      passkeys.length === 0
        ? ''
        : html`<ul>${passkeys.map(
            (one) =>
              html`<li>${one.name}: added ${tellTime(one.createdAt)}, ${one.lastUsedAt === null ? 'not used yet' : html`last used ${tellTime(one.lastUsedAt)}`}${mayChange ? does('remove-passkey', html`${hidden('id', one.id)}<button aria-label="Remove ${one.name}">Remove</button>`) : ''}</li>`,
          )}</ul>`
    }
    ${
      mayChange
        ? added === undefined
          ? html`<p>Passkeys are added and used at <a href="${passkeysAt}/jobs">${passkeysAt}</a> (<code>WORKER_URL</code>), which is another address than this.</p>`
          : html`${passkeyForm({
              action: '/jobs/you',
              options: added,
              label: 'Add a passkey',
              content: html`${hidden('do', 'add-passkey')}<label for="label">Name of the new passkey</label><input id="label" name="label" autocomplete="off" maxlength="60" value="Passkey" required>`,
            })}<noscript><p>A new passkey needs JavaScript. An app does not.</p></noscript>`
        : html`<p>To add or remove one, show your second factor once more.</p>${provenForms(page, 'verify', { label: 'Show it' })}`
    }`;
}

function recoveryCodes(codes: string[]): Html {
  return html`<h2>Recovery codes</h2>
    <p>Without your app or passkey, each of these signs you in once. Keep them where your phone is not: they are not shown again.</p>
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

function operatorsSection(page: OwnPage): Html {
  const { operators, operator } = page;
  const fields = (prefix: string) =>
    html`<label for="${prefix}-name">Name</label><input id="${prefix}-name" name="name" autocomplete="off" maxlength="60" required>`;
  return html`<h2>Operators</h2>
    <ul>${operators.map((one) => html`<li>${one.name}: ${tellFactors(one)}</li>`)}</ul>
    ${
      operator?.hasApp || (operator?.passkeys ?? 0) > 0
        ? html`<p>Somebody new, or whose factor is lost, gets a code that signs in once. Factors that they have are removed.</p>
    ${provenForms(page, 'admit', { label: 'Make a code', fields })}`
        : ''
    }`;
}

function tellFactors({ hasApp, passkeys }: Operator): string {
  const told = [
    hasApp ? 'app' : '',
    passkeys === 0 ? '' : passkeys === 1 ? 'a passkey' : `${passkeys} passkeys`,
  ];
  return told.filter(Boolean).join(' and ') || 'a code, not used yet or nothing set up';
}
