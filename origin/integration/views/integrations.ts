// Renders the staff pages of API keys and webhooks.
import { raw } from 'hono/html';
import { signedInField } from '../../identity/page-frame.ts';
import { minutesOf, staffLayout } from '../../staff/views/staff-layout.ts';
import { apiKeyScopeNames, apiKeyScopes } from '../../web/env.ts';
import {
  type FormFaults,
  type FormValues,
  faultSummary,
  field,
  idempotencyField,
  notice,
  titleOf,
} from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { PageVisitor } from '../../web/page/layout.ts';
import type { ApiKey } from '../api-keys.ts';
import { shopEventTypes } from '../shop-events.ts';
import type { Webhook, WebhookDelivery } from '../webhooks.ts';

const here = '/staff/integrations';

interface Entered {
  values?: FormValues | undefined;
  faults?: FormFaults | undefined;
  refused?: string | undefined;
}

export interface IntegrationsPage extends Entered {
  visitor: PageVisitor;
  keys: ApiKey[];
  webhooks: Webhook[];
  /** A secret that the page shows only once. */
  made?: { what: string; secret: string } | undefined;
  said?: string | undefined;
}

const labels = { name: 'Name', scopes: 'What it may do', url: 'Address', types: 'Events' };

export function integrationsPage(page: IntegrationsPage): Html {
  const { visitor, keys, webhooks, made, said, faults, refused } = page;
  const isWrong = faults !== undefined || refused !== undefined;
  return staffLayout(
    { title: titleOf('Integrations', isWrong), visitor, here },
    html`<h1>Integrations</h1>
<p class="soft">Other systems read and change the shop by the <a href="/api/docs">API</a>: each with a key of its own, and only what that key is for.</p>
${faultSummary(labels, { faults, refused })}
${said === undefined ? '' : notice(said, 'good')}
${made === undefined ? '' : secretNotice(made)}
${keyTable(keys)}
<h2>New API key</h2>
${keyForm(page)}
${webhookTable(webhooks)}
<h2>New webhook</h2>
${webhookForm(page)}`,
  );
}

function secretNotice({ what, secret }: { what: string; secret: string }): Html {
  return notice(
    html`<h2>${what}</h2><p>Copy it now: it is shown this once. Keep it as you keep a password.</p>
<p><code class="secret">${secret}</code></p>`,
    'good',
  );
}

function keyTable(keys: ApiKey[]): Html {
  return html`<table class="rows"><caption>${keys.length === 0 ? 'No API keys yet' : 'API keys'}</caption>
<thead><tr><th scope="col">Key</th><th scope="col">Last used (UTC)</th><th scope="col"><span class="hidden">Revoke</span></th></tr></thead>
<tbody>${keys.map(
    ({ id, name, scopes, lastUsedAt }) => html`<tr>
<th scope="row"><bdi>${name}</bdi><br><span class="hint">${scopes.join(', ')}</span></th>
<td>${lastUsedAt === undefined ? 'Never' : minutesOf(lastUsedAt)}</td>
<td class="number"><form method="post" action="${here}">${hidden({ deed: 'revoke-key', id })}<button class="button quiet" type="submit" aria-label="Revoke ${name}">Revoke</button></form></td></tr>`,
  )}</tbody></table>`;
}

function keyForm({ values = {}, faults = {} }: Entered): Html {
  return html`<form class="fields" method="post" action="${here}" novalidate>${hidden({ deed: 'create-key' })}
${field({ name: 'name', label: labels.name, value: values['name'], fault: faults['name'], maxLength: 100, hint: 'Who uses it, such as Warehouse. It stands in the history of what it did.' })}
${checkboxes({ name: 'scopes', label: labels.scopes, options: Object.entries(apiKeyScopes), values, fault: faults['scopes'] })}
<p class="row"><button class="button" type="submit">Make the key</button></p></form>`;
}

function webhookTable(webhooks: Webhook[]): Html {
  return html`<table class="rows"><caption>${webhooks.length === 0 ? 'No webhooks yet' : 'Webhooks'}</caption>
<thead><tr><th scope="col">Address</th><th scope="col">State</th><th class="number" scope="col">Waiting</th></tr></thead>
<tbody>${webhooks.map(
    (
      webhook,
    ) => html`<tr><th scope="row"><a class="address" href="${here}/webhooks/${webhook.id}">${webhook.url}</a><br>
<span class="hint">${webhook.types.length === 0 ? 'All events' : webhook.types.join(', ')}</span></th>
<td class="whole">${describeState(webhook)}</td><td class="number">${webhook.waiting}</td></tr>`,
  )}</tbody></table>`;
}

function describeState({ state, failingSince, pausedBecause }: Webhook): string {
  if (state === 'paused') return `Paused. ${pausedBecause ?? ''}`;
  return failingSince === undefined ? 'Active' : `Failing since ${minutesOf(failingSince)} UTC`;
}

function webhookForm({ values = {}, faults = {} }: Entered): Html {
  return html`<form class="fields" method="post" action="${here}" novalidate>${hidden({ deed: 'create-webhook' })}
${field({ name: 'url', label: labels.url, value: values['url'], fault: faults['url'], maxLength: 2_000, hint: 'Begins with https://. It is told what happens from now on.' })}
${checkboxes({ name: 'types', label: `${labels.types} (none chosen: all)`, options: shopEventTypes.map((type) => [type, type]), values, fault: faults['types'] })}
<p class="row"><button class="button" type="submit">Make the webhook</button></p></form>`;
}

interface Checkboxes {
  name: string;
  label: string;
  options: (readonly [string, string])[];
  values: FormValues;
  fault: string | undefined;
}

/** Each box has its own name, because forms here keep only the last of several values of one name. */
function checkboxes({ name, label, options, values, fault }: Checkboxes): Html {
  return html`<fieldset class="field"${fault ? html` aria-describedby="${name}-fault"` : ''} id="${name}" tabindex="-1"><legend>${label}</legend>
${fault ? html`<p class="wrong" id="${name}-fault">${fault}</p>` : ''}
<div class="boxes">${options.map(([option, text]) => {
    const box = boxName(name, option);
    return html`<label class="radio"><input type="checkbox" name="${box}" value="yes"${raw(values[box] === 'yes' ? ' checked' : '')}><span>${text}${text === option ? '' : html`<br><span class="hint">${option}</span>`}</span></label>`;
  })}</div></fieldset>`;
}

function boxName(name: string, option: string): string {
  return `${name}-${option}`;
}

/** Lists the ticked boxes. */
export function readBoxes(values: FormValues, name: 'scopes' | 'types'): string[] {
  const options: readonly string[] = name === 'scopes' ? apiKeyScopeNames : shopEventTypes;
  return options.filter((option) => values[boxName(name, option)] === 'yes');
}

export interface WebhookPage {
  visitor: PageVisitor;
  webhook: Webhook;
  deliveries: WebhookDelivery[];
  said?: string | undefined;
  refused?: string | undefined;
  /** A new secret, which the page shows only once. */
  secret?: string | undefined;
}

export function webhookPage({ visitor, webhook, deliveries, said, refused, secret }: WebhookPage): Html {
  const isPaused = webhook.state === 'paused';
  const action = `${here}/webhooks/${webhook.id}`;
  const button = (deed: string, text: string, className = 'button quiet') =>
    html`<form method="post" action="${action}">${hidden({ deed })}<button class="${className}" type="submit">${text}</button></form>`;
  return staffLayout(
    { title: titleOf('Webhook', refused !== undefined), visitor, here },
    html`<nav class="crumbs" aria-label="Breadcrumb"><a href="${here}">Integrations</a></nav>
<h1>Webhook</h1>
<p class="address">${webhook.url}</p>
${faultSummary({}, { refused })}${said === undefined ? '' : notice(said, 'good')}
<p>${describeState(webhook)}. ${webhook.waiting === 0 ? 'Nothing waits.' : `${webhook.waiting} to be delivered.`}
${webhook.types.length === 0 ? 'It is told all events.' : `It is told ${webhook.types.join(', ')}.`}</p>
${secret === undefined ? '' : secretNotice({ what: 'The new secret that signs its messages', secret })}
${webhook.formerSecretUntil === undefined ? '' : html`<p class="soft">The former secret signs as well until ${minutesOf(webhook.formerSecretUntil)} UTC.</p>`}
${webhook.lastError === undefined ? '' : html`<p class="soft">Last error: ${webhook.lastError}</p>`}
<div class="row">${isPaused ? button('resume', 'Resume', 'button') : button('pause', 'Pause')}${button('test', 'Send a test message')}${button('replay-failed', 'Send all failed again')}${button('rotate', 'New secret')}${button('delete', 'Delete')}</div>
<table class="rows"><caption>${deliveries.length === 0 ? 'Nothing has happened since it was made' : 'Deliveries, the newest first'}</caption>
<thead><tr><th scope="col">Event</th><th scope="col">State</th><th scope="col"><span class="hidden">Again</span></th></tr></thead>
<tbody>${deliveries.map((delivery) => deliveryRow(action, delivery))}</tbody></table>`,
  );
}

function deliveryRow(action: string, delivery: WebhookDelivery): Html {
  const { eventId, type, subject, state, attempts, error, lastTriedAt } = delivery;
  const tried = lastTriedAt === undefined ? '' : `${attempts} tried, last ${minutesOf(lastTriedAt)}`;
  const names = { pending: 'Waiting', delivered: 'Delivered', failed: 'Given up' } as Record<string, string>;
  return html`<tr><th scope="row">${type}<br><span class="hint">${subject} · ${eventId}</span></th>
<td>${names[state]}<br><span class="hint">${[tried, error].filter(Boolean).join('. ')}</span></td>
<td class="number"><form method="post" action="${action}">${hidden({ deed: 'replay', event: eventId })}<button class="button quiet" type="submit" aria-label="Send ${eventId} again">Again</button></form></td></tr>`;
}

function hidden(values: Record<string, string>): Html {
  return html`${idempotencyField()}${signedInField()}${Object.entries(values).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}`;
}
