import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { readSettings } from '../../origin/config.ts';
import { createReadMetrics } from '../../origin/postgres/replicas/replica-set.ts';
import { serveMetrics } from '../../origin/web/serving/serve.ts';

test('who answered the reads, why not a replica, and each one’s lag are told on a port of their own', async () => {
  const registry = new Registry();
  const metrics = createReadMetrics(registry, () => [
    { name: 'replica-1', isFit: true, lagSeconds: 0 },
    { name: 'replica-2', isFit: false, lagSeconds: Number.POSITIVE_INFINITY },
  ]);
  metrics.answered('replica-1');
  metrics.fellBack('below floor');
  const serving = await serveMetrics(registry, '127.0.0.1', 0);
  const response = await fetch(`http://127.0.0.1:${serving.port}/metrics`);
  expect(response.headers.get('Content-Type')).toMatch(/^application\/openmetrics-text; version=1\.0\.0/);
  const lines = (await response.text()).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'reads_total{source="replica-1"} 1',
      'reads_total{source="primary"} 0',
      'read_fallbacks_total{reason="below floor"} 1',
      'read_fallbacks_total{reason="failed"} 0',
      'replica_fit{replica="replica-1"} 1',
      'replica_lag_seconds{replica="replica-2"} +Inf',
    ]),
  );
  expect(lines.at(-1) === '# EOF' || lines.at(-2) === '# EOF').toBe(true);
  expect((await fetch(`http://127.0.0.1:${serving.port}/`)).status).toBe(404);
  await serving.stop(0);
});

test('nothing listens where METRICS_PORT is not set', () => {
  const env = {
    DATABASE_URL: 'postgres://user@host/shop',
    REDIS_URL: 'redis://host',
    COOKIE_KEYS: 'a-key-of-the-tests-with-32-letters',
  };
  expect(readSettings(env).metricsPort).toBeUndefined();
  expect(readSettings({ ...env, METRICS_PORT: '9100' }).metricsPort).toBe(9_100);
});
