// Settings are read whole: every fault is told at once, and no value is repeated.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readRegionSettings } from '../../ops-scripts/region/config.ts';
import { readSettings, SettingsError } from '../../origin/config.ts';
import { findWeakSecrets } from '../../origin/start-and-stop.ts';

function faultsOf(
  env: Record<string, string>,
  read: (env: Record<string, string>) => unknown = readSettings,
): string[] {
  try {
    read(env);
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

  const sound = {
    DATABASE_URL: 'postgres://host/shop',
    REDIS_URL: 'redis://host',
    COOKIE_KEYS: 'a-key-of-the-tests-with-32-letters',
  };

  test('are told where one of Stripe’s two keys is missing, offered or not', () => {
    const both = { STRIPE_SECRET_KEY: 'sk_test_x', STRIPE_WEBHOOK_SECRET: 'whsec_x' };
    for (const PAYMENT_PROVIDERS of ['demo', 'demo,stripe'])
      for (const name of Object.keys(both))
        expect(named(faultsOf({ ...sound, ...both, [name]: '', PAYMENT_PROVIDERS }))).toEqual([
          'STRIPE_SECRET_KEY',
        ]);
    expect(readSettings({ ...sound, ...both, PAYMENT_PROVIDERS: 'demo' }).stripe).toBeDefined();
  });

  test('of how many replicas confirm are told for a region, too, which hands on what was set', () => {
    const read = (env: Record<string, string>) => readRegionSettings({ json: false }, env);
    expect(named(faultsOf({ REDIS_REPLICAS: 'many', EDGE_PORT: 'three' }, read))).toEqual([
      'EDGE_PORT',
      'REDIS_REPLICAS',
    ]);
    expect(read({ REDIS_REPLICAS: '0' }).environment['REDIS_REPLICAS']).toBe('0');
  });

  test('of a region are told at once, its edge’s port among them', () => {
    const read = (env: Record<string, string>) => readRegionSettings({ json: false }, env);
    expect(named(faultsOf({ PORT: 'eighty', EDGE_PORT: 'ninety' }, read))).toEqual(['EDGE_PORT', 'PORT']);
    expect(named(faultsOf({ EDGE_PORT: '70000' }, read))).toEqual(['EDGE_PORT']);
    expect(readRegionSettings({ json: false }, { EDGE_PORT: '' }).edgePort).toBe(0);
  });

  test('never repeat what was set', () => {
    const faults = faultsOf({ DATABASE_URL: 'mysql://me:hidden@host', REDIS_URL: 'hidden', PORT: 'hidden' });
    expect(named(faults)).toEqual(['COOKIE_KEYS', 'DATABASE_URL', 'PORT', 'REDIS_URL']);
    expect(faults.join()).not.toContain('hidden');
  });
});

describe('weak secrets', () => {
  const sound = {
    DATABASE_URL: 'postgres://user@host/shop',
    REDIS_URL: 'redis://host',
    COOKIE_KEYS: 'a-key-of-the-tests-with-32-letters',
  };

  test('are taken, and warned of once each without being shown', () => {
    const settings = readSettings({
      ...sound,
      COOKIE_KEYS: `hush-1,${sound.COOKIE_KEYS},hush-2`,
      EDGE_PURGE_KEY: 'hush-3',
      STAFF_EMAIL: 'staff@example.com',
      STAFF_PASSWORD: 'hush-4',
      OPERATOR_PASSWORD: 'h',
    });
    expect(settings.operatorPassword).toBe('h');
    const warnings = findWeakSecrets(settings);
    expect(warnings.map((warning) => warning.split(' is weak')[0])).toEqual([
      'COOKIE_KEYS (number 1)',
      'COOKIE_KEYS (number 3)',
      'EDGE_PURGE_KEY',
      'STAFF_PASSWORD',
      'OPERATOR_PASSWORD',
    ]);
    expect(warnings.join()).not.toContain('hush');
  });

  test('are none where nothing is short or nothing is set', () => {
    expect(findWeakSecrets(readSettings(sound))).toEqual([]);
  });

  test('are still none at all where only commas are set', () => {
    expect(named(faultsOf({ ...sound, COOKIE_KEYS: ' , ' }))).toEqual(['COOKIE_KEYS']);
  });
});

describe('README', () => {
  /** Of the system and of other people's programs. */
  const foreign = ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3', 'COLUMNS', 'NO_COLOR', 'PATH', 'TMPDIR'];

  test('lists every setting that is read, and none that is not', () => {
    const files = ['origin', 'worker', 'edge', 'http', 'ops-scripts'].flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => `${folder}/${name}`),
    );
    const read = new Set(
      files.flatMap((file) => {
        const text = readFileSync(file, 'utf8');
        const direct = [...text.matchAll(/\benv(?:ironment)?(?:\?)?(?:\.|\[')([A-Z][A-Z0-9_]+)\b/g)];
        const declared = file === 'origin/config.ts' ? [...text.matchAll(/^ {2}([A-Z][A-Z0-9_]+):/gm)] : [];
        return [...direct, ...declared].map(([, name]) => name!);
      }),
    );
    const section = readFileSync('README.md', 'utf8').split('\n## Settings\n')[1]!.split('\n## ')[0]!;
    const rows = section.split('\n').filter((line) => line.startsWith('| `'));
    const listed = rows.flatMap((row) =>
      [...row.split(' | ')[0]!.matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map(([, name]) => name!),
    );
    expect(listed.toSorted()).toEqual([...new Set(listed)].toSorted());
    expect(listed.toSorted()).toEqual([...read].filter((name) => !foreign.includes(name)).toSorted());
  });
});

test('In production short keys are refused, and so is a shop that does not say how it is paid', () => {
  const environment = {
    DATABASE_URL: 'postgres://localhost/shop',
    REDIS_URL: 'redis://localhost',
    COOKIE_KEYS: 'k'.repeat(32),
    PAYMENT_PROVIDERS: 'demo',
    NODE_ENV: 'production',
  };
  expect(readSettings(environment).paymentProviders).toEqual(['demo']);
  const { PAYMENT_PROVIDERS: _, ...unnamed } = environment;
  expect(() => readSettings(unnamed)).toThrow('PAYMENT_PROVIDERS: must be set in production');
  for (const short of [
    { COOKIE_KEYS: `${'k'.repeat(32)},a-short-one` },
    { EDGE_PURGE_KEY: 'a-short-one' },
  ] as Record<string, string>[]) {
    const start = () => readSettings({ ...environment, ...short });
    expect(start).toThrow(`${Object.keys(short)[0]}: must have at least 32 bytes`);
    expect(start).not.toThrow('a-short-one');
    expect(() => readSettings({ ...environment, ...short, NODE_ENV: 'development' })).not.toThrow();
  }
});
