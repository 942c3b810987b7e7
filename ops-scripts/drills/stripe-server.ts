// Speaks as much of Stripe's wire format as the shop uses, and refuses as Stripe does: requests that are wrong, keys
// that are used for
// something else or at this moment, sessions that have expired. Webhooks are signed by the SDK itself.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Stripe from 'stripe';

export interface FakeSession {
  id: string;
  /** The secret key that opened it: another account does not see it. */
  account: string;
  client_reference_id: string;
  amount: number;
  currency: string;
  mode: 'payment' | 'setup' | 'subscription';
  metadata: Record<string, string>;
  customer_email: string | null;
  success_url: string;
  payment_status: 'unpaid' | 'paid' | 'no_payment_required';
  status: 'open' | 'complete' | 'expired';
  /** Seconds since 1970. */
  created: number;
  expires_at: number;
  /** Undefined until the shopper has chosen how to pay. */
  intentStatus?: string;
}

export interface FakeRefund {
  id: string;
  intent: string;
  /** The idempotency key of its request. */
  key: string;
  amount: number;
  metadata: Record<string, string>;
}

interface FakeAnswer {
  status: number;
  body: object;
}

/** What was asked, in order. */
export interface FakeRequest {
  method: string;
  path: string;
  key: string;
  body: string;
  status: number;
}

export interface StripeServer extends AsyncDisposable {
  url: string;
  /** What a shop that is paid through it is set to. */
  settings: Record<'STRIPE_SECRET_KEY' | 'STRIPE_WEBHOOK_SECRET' | 'STRIPE_API_URL', string>;
  sessions: FakeSession[];
  refunds: FakeRefund[];
  requests: FakeRequest[];
  /**
   * While set, requests are carried out and the connection is cut before the answer; `writes`: before that to a
   * write.
   */
  losesAnswers: boolean | 'writes';
  /** While false, a session names its payment intent by its id, whatever is asked. */
  expands: boolean;
  /** While set, requests are cut before they are carried out. */
  isAway: boolean;
  /** While set, each request is answered so; a write's answer is remembered under its key, as Stripe does. */
  failsWith: FakeAnswer | undefined;
  /** Writes wait for this before they are carried out; their keys are in use meanwhile. */
  gate: Promise<void> | undefined;
  /** Added to the clock. */
  aheadMs: number;
  /** Other keys than this are refused, where it is set. */
  secretKeys: string[] | undefined;
  /** @returns body and headers of a webhook about the session or its intent, as it is now. */
  event(type: string, session: FakeSession): Promise<{ body: string; headers: Record<string, string> }>;
}

export const webhookSecret = 'whsec_a-secret-of-tests';
export const secretKey = 'sk_test_a-secret-of-tests';

const keyHours = 24;
const knownParameters =
  /^(mode|client_reference_id|customer_email|expires_at|success_url|cancel_url|metadata\[\w+\]|payment_intent_data\[(description|metadata\]\[\w+)\]|line_items\[0\]\[(quantity|price_data\]\[(currency|unit_amount|product_data\]\[name))\])$/;

export async function startStripeServer(): Promise<StripeServer> {
  const kept = new Map<string, { request: string; answer: FakeAnswer; atMs: number }>();
  const inUse = new Set<string>();
  const nowSeconds = () => Math.floor((Date.now() + state.aheadMs) / 1_000);

  const carryOut = (call: Call): FakeAnswer => {
    if (state.failsWith !== undefined) return state.failsWith;
    const [, , resource, name, id] = call.url.pathname.split('/');
    if (resource === 'refunds') return call.method === 'POST' ? refund(call) : listRefunds(call);
    if (resource === 'payment_intents') return retrieveIntent(call, name ?? '');
    if (resource !== 'checkout' || name !== 'sessions') return refusal(404, 'Unrecognized request URL', {});
    for (const session of state.sessions)
      if (session.status === 'open' && session.expires_at <= nowSeconds()) session.status = 'expired';
    if (call.method === 'POST') return id === undefined ? openSession(call) : expireSession(call, id);
    return id === undefined ? listSessions(call) : retrieveSession(call, id);
  };

  const openSession = ({ form, account }: Call): FakeAnswer => {
    const wrong = findFault(form, nowSeconds());
    if (wrong !== undefined) return wrong;
    const session: FakeSession = {
      id: `cs_test_${state.sessions.length + 1}`,
      account,
      client_reference_id: form.get('client_reference_id')!,
      amount: amountOf(form),
      currency: form.get('line_items[0][price_data][currency]')!,
      mode: 'payment',
      metadata: metadataOf(form),
      customer_email: form.get('customer_email'),
      success_url: form.get('success_url')!,
      payment_status: 'unpaid',
      status: 'open',
      created: nowSeconds(),
      expires_at: Number(form.get('expires_at') ?? nowSeconds() + keyHours * 3_600),
    };
    state.sessions.push(session);
    return { status: 200, body: represent(session) };
  };

  const retrieveSession = ({ account, url }: Call, id: string): FakeAnswer => {
    const found = state.sessions.find((session) => session.id === id && session.account === account);
    if (found === undefined)
      return refusal(404, `No such checkout.session: ${id}`, { code: 'resource_missing', param: 'session' });
    return {
      status: 200,
      body: represent(found, state.expands && url.searchParams.get('expand[0]') === 'payment_intent'),
    };
  };

  const retrieveIntent = ({ account }: Call, id: string): FakeAnswer => {
    const found = state.sessions.find((session) => `pi_${session.id}` === id && session.account === account);
    const intent = found === undefined ? undefined : intentOf(found);
    return intent === undefined
      ? refusal(404, `No such payment_intent: ${id}`, { code: 'resource_missing', param: 'intent' })
      : { status: 200, body: intent };
  };

  const listSessions = ({ account, url }: Call): FakeAnswer => {
    const ask = (name: string, fallback: number) => Number(url.searchParams.get(name) ?? fallback);
    const all = state.sessions
      .filter((session) => session.account === account)
      .filter(({ created }) => created >= ask('created[gte]', 0) && created <= ask('created[lte]', Infinity))
      .reverse();
    const after = url.searchParams.get('starting_after');
    const from = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1;
    const data = all.slice(from, from + ask('limit', 10));
    const body = { object: 'list', url: '/v1/checkout/sessions', has_more: from + data.length < all.length };
    return { status: 200, body: { ...body, data: data.map((session) => represent(session)) } };
  };

  const expireSession = ({ account }: Call, id: string): FakeAnswer => {
    const found = state.sessions.find((session) => session.id === id && session.account === account);
    if (found?.status !== 'open')
      return refusal(400, 'Only Checkout Sessions with a status in ["open"] can be expired.', {});
    found.status = 'expired';
    return { status: 200, body: represent(found) };
  };

  /** Several of one payment, up to what was paid. */
  const refund = ({ form, key }: Call): FakeAnswer => {
    const intent = form.get('payment_intent') ?? '';
    const paid = state.sessions.find((session) => `pi_${session.id}` === intent)?.amount ?? 0;
    const left =
      paid - state.refunds.filter((one) => one.intent === intent).reduce((sum, one) => sum + one.amount, 0);
    if (left <= 0)
      return refusal(400, 'Charge has already been refunded.', { code: 'charge_already_refunded' });
    const amount = Number(form.get('amount') ?? left);
    if (amount > left)
      return refusal(400, `Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`, {
        param: 'amount',
      });
    const made = { id: `re_${state.refunds.length + 1}`, intent, key, amount, metadata: metadataOf(form) };
    state.refunds.push(made);
    return { status: 200, body: representRefund(made) };
  };

  const listRefunds = ({ url }: Call): FakeAnswer => {
    const made = state.refunds.filter(({ intent }) => intent === url.searchParams.get('payment_intent'));
    const data = made.map(representRefund).reverse();
    return { status: 200, body: { object: 'list', url: '/v1/refunds', has_more: false, data } };
  };

  /**
   * The first answer under a key is given again for a day, be it a failure of Stripe's own. What was not begun is
   * forgotten.
   */
  const answerOnce = async (call: Call): Promise<FakeAnswer> => {
    const { key } = call;
    if (call.method !== 'POST' || key === '') return carryOut(call);
    const name = `${call.account} ${key}`;
    const request = `${call.url.pathname} ${call.text}`;
    const nowMs = Date.now() + state.aheadMs;
    const known = kept.get(name);
    if (known !== undefined && nowMs - known.atMs < keyHours * 3_600_000) {
      if (known.request === request) return known.answer;
      return refusal(
        400,
        `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
        { type: 'idempotency_error' },
      );
    }
    if (inUse.has(name))
      return refusal(409, 'There is currently another in-progress request using this Idempotent Key.', {
        code: 'idempotency_key_in_use',
      });
    inUse.add(name);
    await state.gate;
    const answer = carryOut(call);
    inUse.delete(name);
    if (answer.status === 200 || answer.status >= 500) kept.set(name, { request, answer, atMs: nowMs });
    return answer;
  };

  const answer = async (call: Call): Promise<FakeAnswer> => {
    if (state.secretKeys !== undefined && !state.secretKeys.includes(call.account))
      return refusal(401, 'Invalid API Key provided', {});
    return answerOnce(call);
  };

  const http = createServer(async (request, response: ServerResponse) => {
    if (state.isAway) return request.socket.destroy();
    const call = await readCall(request);
    const { status, body } = await answer(call);
    const { method, key, text } = call;
    state.requests.push({ method, path: call.url.pathname, key, body: text, status });
    if (state.losesAnswers === true || (state.losesAnswers === 'writes' && method === 'POST'))
      return request.socket.destroy();
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const signer = new Stripe('sk_test_unused');
  let events = 0;
  const state: StripeServer = {
    url,
    settings: { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: webhookSecret, STRIPE_API_URL: url },
    sessions: [],
    refunds: [],
    requests: [],
    losesAnswers: false,
    expands: true,
    isAway: false,
    failsWith: undefined,
    gate: undefined,
    aheadMs: 0,
    secretKeys: undefined,
    async event(type, session) {
      events += 1;
      const body = JSON.stringify({
        id: `evt_${events}`,
        object: 'event',
        type,
        data: { object: type.startsWith('payment_intent.') ? intentOf(session) : represent(session) },
      });
      const signature = await signer.webhooks.generateTestHeaderStringAsync({
        payload: body,
        secret: webhookSecret,
      });
      return { body, headers: { 'Stripe-Signature': signature, 'Content-Type': 'application/json' } };
    },
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
  return state;
}

interface Call {
  method: string;
  url: URL;
  key: string;
  account: string;
  text: string;
  form: URLSearchParams;
}

async function readCall(request: IncomingMessage): Promise<Call> {
  let text = '';
  for await (const part of request) text += String(part);
  return {
    method: request.method!,
    url: new URL(request.url!, 'http://stripe.example'),
    key: String(request.headers['idempotency-key'] ?? ''),
    account: String(request.headers.authorization ?? '').replace('Bearer ', ''),
    text,
    form: new URLSearchParams(text),
  };
}

function metadataOf(form: URLSearchParams): Record<string, string> {
  return Object.fromEntries(
    [...form].flatMap(([name, value]) => {
      const member = /^metadata\[(\w+)\]$/.exec(name)?.[1];
      return member === undefined ? [] : [[member, value]];
    }),
  );
}

function representRefund({ id, intent, amount, metadata }: FakeRefund): object {
  return {
    id,
    object: 'refund',
    payment_intent: intent,
    amount,
    currency: 'eur',
    metadata,
    status: 'succeeded',
  };
}

const amountOf = (form: URLSearchParams) =>
  Number(form.get('line_items[0][price_data][unit_amount]')) * Number(form.get('line_items[0][quantity]'));

function findFault(form: URLSearchParams, nowSeconds: number): FakeAnswer | undefined {
  const wrong = (param: string, message: string, code?: string) =>
    refusal(400, message, { param, ...(code ? { code } : {}) });
  for (const name of form.keys())
    if (!knownParameters.test(name))
      return wrong(name, `Received unknown parameter: ${name}`, 'parameter_unknown');
  for (const name of ['mode', 'success_url', 'line_items[0][price_data][unit_amount]'])
    if (!form.has(name)) return wrong(name, `Missing required param: ${name}.`, 'parameter_missing');
  const email = form.get('customer_email');
  if (email !== null && !/^[^@\s]+@[^@\s]+\.[a-z]{2,}$/i.test(email))
    return wrong('customer_email', `Invalid email address: ${email}`, 'email_invalid');
  if (!URL.canParse(form.get('success_url')!)) return wrong('success_url', 'Not a valid URL', 'url_invalid');
  if (form.get('line_items[0][price_data][currency]') !== 'eur')
    return wrong('line_items[0][price_data][currency]', 'Invalid currency');
  const amount = amountOf(form);
  if (amount < 50)
    return wrong(
      'line_items',
      "The Checkout Session's total amount due must add up to at least €0.50 eur",
      'amount_too_small',
    );
  if (amount > 99_999_999)
    return wrong(
      'line_items[0][price_data][unit_amount]',
      'Invalid integer: must be no more than 99999999',
      'amount_too_large',
    );
  const expiresAt = form.get('expires_at');
  if (expiresAt === null) return undefined;
  const pageSeconds = Number(expiresAt) - nowSeconds;
  if (pageSeconds < 1_800)
    return wrong(
      'expires_at',
      'The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.',
    );
  if (pageSeconds > 86_400)
    return wrong(
      'expires_at',
      'The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.',
    );
  return undefined;
}

function refusal(status: number, message: string, members: Record<string, string>): FakeAnswer {
  return { status, body: { error: { type: 'invalid_request_error', message, ...members } } };
}

function represent(session: FakeSession, isExpanded = false): object {
  const { amount, account: _, intentStatus: __, ...rest } = session;
  const intent = intentOf(session);
  return {
    ...rest,
    object: 'checkout.session',
    amount_total: amount,
    url: session.status === 'open' ? `https://checkout.stripe.example/${session.id}` : null,
    payment_intent: intent === undefined ? null : isExpanded ? intent : intent.id,
  };
}

function intentOf(session: FakeSession) {
  const { id, amount, currency, metadata, payment_status: paid } = session;
  const status = session.intentStatus ?? (paid === 'paid' ? 'succeeded' : undefined);
  if (status === undefined) return undefined;
  return { id: `pi_${id}`, object: 'payment_intent', amount, currency, metadata, status };
}
