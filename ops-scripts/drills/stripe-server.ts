// A server with the part of Stripe's wire format that the shop uses, with idempotency keys and signed webhooks.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Stripe from 'stripe';
import {
  type Call,
  carryOut,
  type FakeAnswer,
  type FakeSession,
  intentOf,
  keyHours,
  refusal,
  represent,
  type StripeState,
} from './stripe-calls.ts';

export { type FakeSession, payOnPage } from './stripe-calls.ts';

/** A request that the server got. */
export interface FakeRequest {
  method: string;
  path: string;
  key: string;
  body: string;
  status: number;
}

export interface StripeServer extends StripeState, AsyncDisposable {
  url: string;
  /** The settings of a shop that is paid through it. */
  settings: Record<'STRIPE_SECRET_KEY' | 'STRIPE_WEBHOOK_SECRET' | 'STRIPE_API_URL', string>;
  requests: FakeRequest[];
  /** While set, requests are carried out, but the connection is cut before the answer. `writes`: only for writes. */
  losesAnswers: boolean | 'writes';
  /** While set, connections are cut before requests are carried out. */
  isAway: boolean;
  /** Writes wait for this before they are carried out. Their keys are in use meanwhile. */
  gate: Promise<void> | undefined;
  /** If set, all other keys are refused. */
  secretKeys: string[] | undefined;
  /** @returns body and headers of a webhook about the present state of the session or its intent */
  event(type: string, session: FakeSession): Promise<StripeMessage>;
  /** The same about any other object, with this time. */
  message(type: string, object: object, createdSeconds: number): Promise<StripeMessage>;
}

export interface StripeMessage {
  body: string;
  headers: Record<string, string>;
}

export const webhookSecret = 'whsec_a-secret-of-tests';
export const secretKey = 'sk_test_a-secret-of-tests';

export async function startStripeServer(): Promise<StripeServer> {
  const memory: KeyMemory = { kept: new Map(), inUse: new Set() };
  const answer = async (call: Call): Promise<FakeAnswer> => {
    if (state.secretKeys !== undefined && !state.secretKeys.includes(call.account))
      return refusal(401, 'Invalid API Key provided', {});
    return answerOnce(state, memory, call);
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
    event(type, session) {
      const object = type.startsWith('payment_intent.') ? intentOf(session) : represent(session);
      return state.message(type, object ?? {}, Math.floor((Date.now() + state.aheadMs) / 1_000));
    },
    async message(type, object, created) {
      events += 1;
      const body = JSON.stringify({ id: `evt_${events}`, object: 'event', type, created, data: { object } });
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

/** What the server knows about idempotency keys. */
interface KeyMemory {
  kept: Map<string, { request: string; answer: FakeAnswer; atMs: number }>;
  inUse: Set<string>;
}

/**
 * Repeats the first answer under a key for a day, even if it is a 5xx. A request that Stripe refused without beginning
 * it is forgotten.
 */
async function answerOnce(state: StripeServer, { kept, inUse }: KeyMemory, call: Call): Promise<FakeAnswer> {
  const { key } = call;
  if (call.method !== 'POST' || key === '') return carryOut(state, call);
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
  const answer = carryOut(state, call);
  inUse.delete(name);
  if (answer.status === 200 || answer.status >= 500) kept.set(name, { request, answer, atMs: nowMs });
  return answer;
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
