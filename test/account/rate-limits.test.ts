// How many attempts are allowed: ten for an account and three hundred for an address. All origins count together;
// while Redis is away, each counts alone.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRateLimits, type RateLimits } from '../../origin/account/rate-limits.ts';
import { openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
beforeEach(async () => {
  shop = await openShop({ env: { TRUSTED_PROXIES: '10.0.0.0/8' } });
});
afterEach(() => shop[Symbol.asyncDispose]());

const wrong = async () => undefined;
const right = async () => 'an account';
const origin = (now: () => number = Date.now): RateLimits => createRateLimits({ ...shop.deps, now });

/** @returns how many of the attempts were let through */
async function attempts(
  limits: RateLimits,
  count: number,
  from: (n: number) => { email: string; address: string },
) {
  const tries = Array.from({ length: count }, (_, n) => limits.trySignIn(from(n), wrong));
  return (await Promise.allSettled(tries)).filter(({ status }) => status === 'fulfilled').length;
}
const oneAccount = () => ({ email: 'ada@example.com', address: '192.0.2.1' });
const oneAddress = (n: number) => ({ email: `person-${n}@example.com`, address: '192.0.2.1' });

describe('failed sign-ins', () => {
  test('of one account are ten, whichever origins they come to and however its e-mail is written', async () => {
    const two = [origin(), origin()];
    const written = ['ada@example.com', ' ADA@example.com', 'a\0da@example.com', '\0 ada@example.com\0'];
    const from = (n: number) => ({ email: written[n % written.length]!, address: `192.0.2.${n}` });
    const counts = await Promise.all(two.map((limits) => attempts(limits, 15, from)));
    expect(counts[0]! + counts[1]!).toBe(10);
  });

  test('do not include right ones, however many come at once', async () => {
    const limits = origin();
    const tries = Array.from({ length: 40 }, () => limits.trySignIn(oneAccount(), right));
    expect(await Promise.all(tries)).toEqual(Array(40).fill('an account'));
    expect(await attempts(limits, 15, oneAccount)).toBe(10);
  });

  test('of one IPv6 network are three hundred, whichever of its addresses they come from', async () => {
    const limits = origin();
    const from = (n: number) => ({
      email: `person-${n}@example.com`,
      address: `2001:db8:0:7::${n.toString(16)}`,
    });
    expect(await attempts(limits, 320, from)).toBe(300);
    const other = { email: 'bob@example.com', address: '2001:db8:0:8::1' };
    expect(await limits.trySignIn(other, right)).toBe('an account');
  });

  test('of one address are three hundred, and another address is not held back', async () => {
    const limits = origin();
    expect(await attempts(limits, 320, oneAddress)).toBe(300);
    expect(await limits.trySignIn({ email: 'bob@example.com', address: '192.0.2.2' }, right)).toBe(
      'an account',
    );
  });

  test('are counted by each origin alone while Redis is away, and the window ends', async () => {
    process.kill(shop.redis.pid, 'SIGKILL');
    let nowMs = 1_000_000;
    const [one, other] = [origin(() => nowMs), origin(() => nowMs)];
    expect(await attempts(one!, 15, oneAccount)).toBe(10);
    expect(await attempts(other!, 15, oneAccount)).toBe(10);
    nowMs += 899_000;
    expect(await attempts(one!, 1, oneAccount)).toBe(0);
    nowMs += 1_000;
    expect(await attempts(one!, 15, oneAccount)).toBe(10);
  });

  test('of a locked account do not lock the others behind its address', async () => {
    const limits = origin();
    await attempts(limits, 400, oneAccount);
    expect(await attempts(limits, 290, oneAddress)).toBe(290);
  });

  test('tell how long to wait', async () => {
    const limits = origin();
    await attempts(limits, 10, oneAccount);
    const refusal = await limits.trySignIn(oneAccount(), right).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ status: 429, code: 'too-many-attempts' });
    const { retryAfterSeconds } = refusal as { retryAfterSeconds: number };
    expect(retryAfterSeconds).toBeGreaterThan(800);
    expect(retryAfterSeconds).toBeLessThanOrEqual(900);
  });
});

describe('an attempt that is no failed sign-in', () => {
  test('is not counted: a right one, and one that could not be checked', async () => {
    const limits = origin();
    const broken = () => Promise.reject(new Error('The books cannot be reached'));
    for (let n = 0; n < 30; n++) {
      await limits.trySignIn(oneAccount(), right);
      await expect(limits.trySignIn(oneAccount(), broken)).rejects.toThrow('books');
    }
    expect(await attempts(limits, 15, oneAccount)).toBe(10);
  });
});

describe('sign-ups', () => {
  const signUp = (n: number, forwardedFor: string) =>
    shop.app.request(
      '/api/accounts',
      {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-Forwarded-For': forwardedFor },
        body: JSON.stringify({ email: `new-${n}@example.com`, password: 'a-password-of-tests', name: 'New' }),
      },
      { incoming: { socket: { remoteAddress: '10.1.2.3' } } },
    );

  test('of one address are a hundred an hour, whatever header it forges, and other addresses are not limited', async () => {
    const answers = await Promise.all(
      Array.from({ length: 105 }, (_, n) => signUp(n, `198.51.100.${n}, 203.0.113.9`)),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(100);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(5);
    expect(Number(refused[0]!.headers.get('Retry-After'))).toBeGreaterThan(3_000);
    expect((await signUp(200, '203.0.113.10')).status).toBe(201);
  });
});

describe('with RATE_LIMITS=off', () => {
  test('nothing is limited', async () => {
    await using free = await openShop({ env: { RATE_LIMITS: 'off' } });
    await free.browser().signUp('free@example.com');
    const wrongs = Array.from({ length: 15 }, () =>
      free.browser().post('/api/sessions', { email: 'free@example.com', password: 'wrong' }),
    );
    expect((await Promise.all(wrongs)).map(({ status }) => status)).toEqual(Array(15).fill(401));
    expect(
      (
        await free
          .browser()
          .post('/api/sessions', { email: 'free@example.com', password: 'a-password-of-tests' })
      ).status,
    ).toBe(201);
  });
});

describe('pages and API', () => {
  test('count together, also while Redis is away', async () => {
    process.kill(shop.redis.pid, 'SIGKILL');
    const credentials = { email: 'both@example.com', password: 'wrong' };
    const byForm = () =>
      shop.browser().request('/sign-in', {
        method: 'POST',
        headers: { Origin: 'http://localhost', 'Content-Type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(credentials).toString(),
      });
    for (let n = 0; n < 5; n++) {
      expect((await shop.browser().post('/api/sessions', credentials)).status).toBe(401);
      expect((await byForm()).status).toBe(401);
    }
    expect((await shop.browser().post('/api/sessions', credentials)).status).toBe(429);
    expect((await byForm()).status).toBe(429);
  });
});
