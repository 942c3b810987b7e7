// What the drills' Stripe does on each call: opens, lists and expires sessions, refunds, and refuses as Stripe does.

export interface FakeSession {
  id: string;
  /** The secret key that opened it. Another account does not see it. */
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
  /** Undefined until the shopper has chosen a way to pay. */
  intentStatus?: string;
  /** `manual`: the payment is authorised on the page and captured later. */
  captureMethod: 'automatic' | 'manual';
  /** The captured amount. */
  captured?: number;
  /** When the authorisation ends, in seconds since 1970. */
  authorisedUntil?: number;
}

/** The shopper pays on the page. */
export function payOnPage(session: FakeSession): void {
  if (session.captureMethod === 'automatic')
    Object.assign(session, { status: 'complete', payment_status: 'paid', intentStatus: 'succeeded' });
  else
    Object.assign(session, {
      status: 'complete',
      intentStatus: 'requires_capture',
      authorisedUntil: session.created + authorisedSeconds,
    });
}

const authorisedSeconds = 7 * 86_400;

export interface FakeRefund {
  id: string;
  intent: string;
  /** The idempotency key of its request. */
  key: string;
  amount: number;
  metadata: Record<string, string>;
}

export interface FakeAnswer {
  status: number;
  body: object;
}

export interface StripeState {
  sessions: FakeSession[];
  refunds: FakeRefund[];
  /** While false, a session only has the id of its payment intent, even if a call asks to expand it. */
  expands: boolean;
  /** While set, each request gets this answer. As with Stripe, a write's answer is stored under its key. */
  failsWith: FakeAnswer | undefined;
  /** Milliseconds that are added to the clock. */
  aheadMs: number;
}

export interface Call {
  method: string;
  url: URL;
  key: string;
  account: string;
  text: string;
  form: URLSearchParams;
}

/** How long answers under a key are stored, and how long a payment page is open. */
export const keyHours = 24;
const knownParameters =
  /^(mode|client_reference_id|customer_email|expires_at|success_url|cancel_url|metadata\[\w+\]|payment_intent_data\[(description|capture_method|metadata\]\[\w+)\]|line_items\[0\]\[(quantity|price_data\]\[(currency|unit_amount|product_data\]\[name))\])$/;

/** Carries a call out, without regard to its key. */
export function carryOut(stripe: StripeState, call: Call): FakeAnswer {
  if (stripe.failsWith !== undefined) return stripe.failsWith;
  const [, , resource, name, id] = call.url.pathname.split('/');
  if (resource === 'refunds')
    return call.method === 'POST' ? refund(stripe, call) : listRefunds(stripe, call);
  for (const session of stripe.sessions) letTimePass(session, nowSeconds(stripe));
  if (resource === 'payment_intents')
    return call.method === 'POST'
      ? changeIntent(stripe, call, name ?? '', id ?? '')
      : retrieveIntent(stripe, call, name ?? '');
  if (resource !== 'checkout' || name !== 'sessions') return refusal(404, 'Unrecognized request URL', {});
  if (call.method === 'POST')
    return id === undefined ? openSession(stripe, call) : expireSession(stripe, call, id);
  return id === undefined ? listSessions(stripe, call) : retrieveSession(stripe, call, id);
}

/** Closes expired pages, and releases authorised payments that were not captured in time. */
function letTimePass(session: FakeSession, now: number): void {
  if (session.status === 'open' && session.expires_at <= now) session.status = 'expired';
  const { intentStatus, authorisedUntil = Infinity } = session;
  if (intentStatus === 'requires_capture' && authorisedUntil <= now) session.intentStatus = 'canceled';
}

/** Captures a payment once, up to the authorised amount. The rest is released. */
function changeIntent(stripe: StripeState, { account, form }: Call, id: string, deed: string): FakeAnswer {
  const found = stripe.sessions.find((session) => `pi_${session.id}` === id && session.account === account);
  if (found?.intentStatus !== 'requires_capture')
    return refusal(
      400,
      `This PaymentIntent could not be ${deed === 'capture' ? 'captured' : 'canceled'} because it has a status of ${found?.intentStatus}.`,
      { code: 'payment_intent_unexpected_state' },
    );
  if (deed === 'cancel') found.intentStatus = 'canceled';
  else {
    const asked = Number(form.get('amount_to_capture') ?? found.amount);
    if (asked > found.amount || asked < 1)
      return refusal(400, 'The amount to capture is greater than what was authorised', {
        code: 'amount_too_large',
        param: 'amount_to_capture',
      });
    Object.assign(found, { intentStatus: 'succeeded', payment_status: 'paid', captured: asked });
  }
  return { status: 200, body: intentOf(found)! };
}

function openSession(stripe: StripeState, { form, account }: Call): FakeAnswer {
  const wrong = findFault(form, nowSeconds(stripe));
  if (wrong !== undefined) return wrong;
  const session: FakeSession = {
    id: `cs_test_${stripe.sessions.length + 1}`,
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
    captureMethod: form.get('payment_intent_data[capture_method]') === 'manual' ? 'manual' : 'automatic',
    created: nowSeconds(stripe),
    expires_at: Number(form.get('expires_at') ?? nowSeconds(stripe) + keyHours * 3_600),
  };
  stripe.sessions.push(session);
  return { status: 200, body: represent(session) };
}

function retrieveSession(stripe: StripeState, { account, url }: Call, id: string): FakeAnswer {
  const found = stripe.sessions.find((session) => session.id === id && session.account === account);
  if (found === undefined)
    return refusal(404, `No such checkout.session: ${id}`, { code: 'resource_missing', param: 'session' });
  return {
    status: 200,
    body: represent(found, stripe.expands && url.searchParams.get('expand[0]') === 'payment_intent'),
  };
}

function retrieveIntent(stripe: StripeState, { account }: Call, id: string): FakeAnswer {
  const found = stripe.sessions.find((session) => `pi_${session.id}` === id && session.account === account);
  const intent = found === undefined ? undefined : intentOf(found);
  return intent === undefined
    ? refusal(404, `No such payment_intent: ${id}`, { code: 'resource_missing', param: 'intent' })
    : { status: 200, body: intent };
}

function listSessions(stripe: StripeState, { account, url }: Call): FakeAnswer {
  const ask = (name: string, fallback: number) => Number(url.searchParams.get(name) ?? fallback);
  const all = stripe.sessions
    .filter((session) => session.account === account)
    .filter(({ created }) => created >= ask('created[gte]', 0) && created <= ask('created[lte]', Infinity))
    .reverse();
  const after = url.searchParams.get('starting_after');
  const from = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1;
  const data = all.slice(from, from + ask('limit', 10));
  const body = { object: 'list', url: '/v1/checkout/sessions', has_more: from + data.length < all.length };
  return { status: 200, body: { ...body, data: data.map((session) => represent(session)) } };
}

function expireSession(stripe: StripeState, { account }: Call, id: string): FakeAnswer {
  const found = stripe.sessions.find((session) => session.id === id && session.account === account);
  if (found?.status !== 'open')
    return refusal(400, 'Only Checkout Sessions with a status in ["open"] can be expired.', {});
  found.status = 'expired';
  return { status: 200, body: represent(found) };
}

/** Refunds a payment. It may have several refunds, up to the paid amount. */
function refund(stripe: StripeState, { form, key }: Call): FakeAnswer {
  const intent = form.get('payment_intent') ?? '';
  const session = stripe.sessions.find((one) => `pi_${one.id}` === intent);
  const paid = session?.captured ?? session?.amount ?? 0;
  const left =
    paid - stripe.refunds.filter((one) => one.intent === intent).reduce((sum, one) => sum + one.amount, 0);
  if (left <= 0)
    return refusal(400, 'Charge has already been refunded.', { code: 'charge_already_refunded' });
  const amount = Number(form.get('amount') ?? left);
  if (amount > left)
    return refusal(400, `Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`, {
      param: 'amount',
    });
  const made = { id: `re_${stripe.refunds.length + 1}`, intent, key, amount, metadata: metadataOf(form) };
  stripe.refunds.push(made);
  return { status: 200, body: representRefund(made) };
}

function listRefunds(stripe: StripeState, { url }: Call): FakeAnswer {
  const made = stripe.refunds.filter(({ intent }) => intent === url.searchParams.get('payment_intent'));
  const data = made.map(representRefund).reverse();
  return { status: 200, body: { object: 'list', url: '/v1/refunds', has_more: false, data } };
}

function nowSeconds({ aheadMs }: StripeState): number {
  return Math.floor((Date.now() + aheadMs) / 1_000);
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

export function refusal(status: number, message: string, members: Record<string, string>): FakeAnswer {
  return { status, body: { error: { type: 'invalid_request_error', message, ...members } } };
}

export function represent(session: FakeSession, isExpanded = false): object {
  const {
    amount,
    account: _,
    intentStatus: __,
    captureMethod: ___,
    captured: ____,
    authorisedUntil: _____,
    ...rest
  } = session;
  const intent = intentOf(session);
  return {
    ...rest,
    object: 'checkout.session',
    amount_total: amount,
    url: session.status === 'open' ? `https://checkout.stripe.example/${session.id}` : null,
    payment_intent: intent === undefined ? null : isExpanded ? intent : intent.id,
  };
}

export function intentOf(session: FakeSession) {
  const { id, amount, currency, metadata, payment_status: paid } = session;
  const status = session.intentStatus ?? (paid === 'paid' ? 'succeeded' : undefined);
  if (status === undefined) return undefined;
  return {
    id: `pi_${id}`,
    object: 'payment_intent',
    amount,
    amount_received: status === 'succeeded' ? (session.captured ?? amount) : 0,
    capture_method: session.captureMethod,
    currency,
    metadata,
    status,
  };
}
