import pino from 'pino';
import { expect, test } from 'vitest';
import { startWhenPossible } from '../../origin/start-and-stop.ts';

const log = pino({ level: 'silent' });

test('a store that stands up just after the process is waited for', async () => {
  let tries = 0;
  const work = startWhenPossible(log, 'prepare', async () => {
    tries += 1;
    if (tries < 4) throw new Error('connect ECONNREFUSED');
  });
  await work.soon;
  expect(tries).toBe(4);
});

test('one that stays away, or does not answer at all, is not, but is tried again and again', async () => {
  let tries = 0;
  const refused = startWhenPossible(log, 'prepare', async () => {
    tries += 1;
    throw new Error('connect ECONNREFUSED');
  });
  const silent = startWhenPossible(log, 'prepare', () => new Promise(() => undefined));
  await Promise.all([refused.soon, silent.soon]);
  const seen = tries;
  expect(seen).toBeGreaterThan(4);
  await expect.poll(() => tries, { timeout: 2_000 }).toBeGreaterThan(seen);
  refused.cancel();
  silent.cancel();
});
