// Settings are read whole: every fault is told at once, and no value is repeated.
import { describe, expect, test } from 'vitest';
import { readSettings, SettingsError } from '../../origin/config.ts';

function faultsOf(env: Record<string, string>): string[] {
  try {
    readSettings(env);
  } catch (error) {
    if (error instanceof SettingsError) return error.faults;
    throw error;
  }
  return [];
}
const named = (faults: string[]) => faults.map((fault) => fault.split(':')[0]).sort();

describe('faults', () => {
  test('of one setting and of settings that belong together are told at once', () => {
    const faults = faultsOf({
      REDIS_URL: 'redis://host',
      COOKIE_KEYS: 'a-key-of-the-tests-with-32-letters',
      PORT: 'eighty',
      EDGE_URLS: 'http://edge-1',
      STAFF_EMAIL: 'staff@example.com',
      PAYMENT_PROVIDERS: 'demo,stripe',
    });
    expect(named(faults)).toEqual([
      'DATABASE_URL',
      'EDGE_PURGE_KEY',
      'PORT',
      'STAFF_PASSWORD',
      'STRIPE_SECRET_KEY',
    ]);
  });

  test('never repeat what was set', () => {
    const faults = faultsOf({ DATABASE_URL: 'mysql://me:hidden@host', REDIS_URL: 'hidden', PORT: 'hidden' });
    expect(named(faults)).toEqual(['COOKIE_KEYS', 'DATABASE_URL', 'PORT', 'REDIS_URL']);
    expect(faults.join()).not.toContain('hidden');
  });
});
