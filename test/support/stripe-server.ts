// Speaks as much of Stripe's wire format as the shop uses: sessions by idempotency key, refunds, and webhooks signed by the SDK itself.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Stripe from 'stripe';

export interface FakeSession {
  id: string;
  client_reference_id: string;
  amount: number;
  payment_status: 'unpaid' | 'paid';
  status: 'open' | 'complete' | 'expired';
}

export interface StripeServer extends AsyncDisposable {
  server: { host: string; port: number; protocol: 'http' };
  sessions: FakeSession[];
  refunds: { intent: string; key: string }[];
  /** While true, requests are carried out and the connection is cut before the answer. */
  losesAnswers: boolean;
  /** @returns body and headers of a webhook about the session. */
  event(type: string, session: FakeSession): Promise<{ body: string; headers: Record<string, string> }>;
}

export const webhookSecret = 'whsec_a-secret-of-tests';

export async function startStripeServer(): Promise<StripeServer> {
  const byKey = new Map<string, FakeSession>();
  const refundKeys = new Set<string>();
  const answer = async (request: IncomingMessage): Promise<{ status: number; body: object }> => {
    const form = new URLSearchParams(await read(request));
    const key = String(request.headers['idempotency-key'] ?? '');
    const [, , resource, name, id] = request.url!.split('/');
    if (request.method === 'POST' && name === 'sessions') {
      const known = byKey.get(key) ?? openSession(form, state.sessions.length);
      if (!byKey.has(key)) state.sessions.push(known);
      byKey.set(key, known);
      return { status: 200, body: represent(known) };
    }
    if (request.method === 'GET' && name === 'sessions') {
      const found = state.sessions.find((session) => session.id === id);
      return found
        ? { status: 200, body: represent(found) }
        : { status: 404, body: { error: { type: 'invalid_request_error', message: 'No such session' } } };
    }
    if (request.method === 'POST' && resource === 'refunds') {
      if (!refundKeys.has(key)) state.refunds.push({ intent: form.get('payment_intent')!, key });
      refundKeys.add(key);
      return { status: 200, body: { id: 're_1', object: 'refund', status: 'succeeded' } };
    }
    return { status: 404, body: { error: { type: 'invalid_request_error', message: 'Unknown' } } };
  };

  const http = createServer(async (request, response: ServerResponse) => {
    const { status, body } = await answer(request);
    if (state.losesAnswers) return request.socket.destroy();
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const signer = new Stripe('sk_test_unused');
  const state: StripeServer = {
    server: { host: '127.0.0.1', port: (http.address() as AddressInfo).port, protocol: 'http' },
    sessions: [],
    refunds: [],
    losesAnswers: false,
    async event(type, session) {
      const body = JSON.stringify({
        id: 'evt_1',
        object: 'event',
        type,
        data: { object: represent(session) },
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

function openSession(form: URLSearchParams, count: number): FakeSession {
  return {
    id: `cs_test_${count + 1}`,
    client_reference_id: form.get('client_reference_id')!,
    amount: Number(form.get('line_items[0][price_data][unit_amount]')),
    payment_status: 'unpaid',
    status: 'open',
  };
}

function represent(session: FakeSession): object {
  const isOpen = session.status === 'open';
  return {
    ...session,
    object: 'checkout.session',
    amount_total: session.amount,
    url: isOpen ? `https://checkout.stripe.example/${session.id}` : null,
    payment_intent: session.payment_status === 'paid' ? `pi_${session.id}` : null,
  };
}

async function read(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request) text += String(part);
  return text;
}
