// Staff over HTTP: signs in, changes a price or stock with one key until answered, and waits until the change is done.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { CookieJar } from '../traffic/http-connection.ts';

export interface CatalogChange {
  path: string;
  method: 'PATCH' | 'PUT';
  body: object;
}

export interface SeenInvalidation {
  id: string;
  state: 'pending' | 'done';
  committedAt: string;
  doneAt?: string;
}

export interface StaffClient {
  /** @returns undefined if it was not acknowledged within a minute */
  change(change: CatalogChange): Promise<SeenInvalidation | undefined>;
  /** @returns the invalidation once it is done; undefined if it was not within `patienceMs` */
  awaitDone(invalidation: SeenInvalidation, patienceMs: number): Promise<SeenInvalidation | undefined>;
}

const requestMs = 9_000;
const changeMs = 60_000;
const againMs = 150;

type Login = { email: string; password: string };
type Tell = (status: number) => void;

interface Answer {
  status: number;
  body: unknown;
}

interface Sending {
  fields?: Record<string, string>;
  timeoutMs?: number | undefined;
}

type Ask = (method: string, path: string, body?: object, how?: Sending) => Promise<Answer>;

/** @throws if the sign-in is refused */
async function signIn(url: string, { email, password }: Login): Promise<Ask> {
  const jar = new CookieJar();
  const ask: Ask = async (method, path, body, { fields = {}, timeoutMs = requestMs } = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: { 'content-type': 'application/json', cookie: jar.header, ...fields },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(timeoutMs),
    });
    jar.keep(response);
    return { status: response.status, body: (await response.json()) as unknown };
  };
  const { status } = await ask('POST', '/api/sessions', { email, password });
  if (status !== 201) throw new Error(`Cannot sign in as ${email}: ${status}`);
  return ask;
}

export interface StaffMember {
  email: string;
  /** Sends a write with one key until it is answered. @returns status 0 if no answer came within the patience */
  write(
    method: string,
    path: string,
    body?: object,
    how?: { key?: string; patienceMs?: number; requestMs?: number },
  ): Promise<Answer>;
}

/** @throws if the sign-in is refused */
export async function signInMember(url: string, who: Login, tell: Tell): Promise<StaffMember> {
  const ask = await signIn(url, who);
  return {
    email: who.email,
    async write(method, path, body, { key = randomUUID(), patienceMs = changeMs, requestMs: ms } = {}) {
      for (const until = performance.now() + patienceMs; performance.now() < until; await delay(againMs)) {
        const fields = { 'idempotency-key': key };
        const answer = await ask(method, path, body, { fields, timeoutMs: ms }).catch(() => undefined);
        if (method !== 'GET') tell(answer?.status ?? 0);
        // A 401 or 403 is repeated too, because a session cannot be checked while a store is away.
        const isOpen = answer === undefined || answer.status >= 500 || [401, 403].includes(answer.status);
        if (!isOpen) return answer;
      }
      return { status: 0, body: undefined };
    },
  };
}

/** @throws if the sign-in is refused */
export async function signInStaff(url: string, who: Login, tell: Tell): Promise<StaffClient> {
  const ask = await signIn(url, who);
  return {
    async change({ method, path, body }) {
      const fields = { 'idempotency-key': randomUUID(), prefer: 'wait=5' };
      for (const until = performance.now() + changeMs; performance.now() < until; await delay(againMs)) {
        const answer = await ask(method, path, body, { fields }).catch(() => undefined);
        tell(answer?.status ?? 0);
        if (answer?.status === 200) return (answer.body as { invalidation: SeenInvalidation }).invalidation;
        // Every refusal is repeated, because a session cannot be checked while a store is away.
      }
      return undefined;
    },
    async awaitDone(invalidation, patienceMs) {
      for (const until = performance.now() + patienceMs; performance.now() < until; await delay(againMs)) {
        if (invalidation.state === 'done') return invalidation;
        const answer = await ask('GET', `/api/staff/invalidations/${invalidation.id}`).catch(() => undefined);
        if (answer?.status === 200) invalidation = answer.body as SeenInvalidation;
      }
      return undefined;
    },
  };
}
