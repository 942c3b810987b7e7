import fc from 'fast-check';
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { readSettings } from '../../origin/config.ts';
import {
  createReadMetrics,
  furthestFirst,
  leastLoaded,
  whyUnfit,
} from '../../origin/postgres/replicas/replica-set.ts';
import { createPrimaryLog, type ReplayedPosition } from '../../origin/postgres/replicas/wal-position.ts';
import { serveMetrics } from '../../origin/web/serving/serve.ts';

/** A primary whose log the test writes, on a clock that the test turns. */
function openLog() {
  const primary = { timeline: 1, lsn: 0n, isAway: false, questions: 0 };
  let nowMs = 0;
  const log = createPrimaryLog(
    {
      async ask() {
        primary.questions++;
        if (primary.isAway) throw new Error('away');
        return [{ timeline: primary.timeline.toString(16).padStart(8, '0'), lsn: String(primary.lsn) }];
      },
      close: () => undefined,
    },
    () => nowMs,
  );
  return {
    log,
    primary,
    /** A second after the other the log grows by 100. */
    async grow(seconds: number) {
      for (let second = 0; second < seconds; second++) {
        nowMs += 1_000;
        primary.lsn += 100n;
        await log.ask();
      }
    },
    pass(ms: number) {
      nowMs += ms;
    },
  };
}

function replica(replayed: Partial<ReplayedPosition> | undefined) {
  if (replayed === undefined) return { replayed: undefined, followedTimeline: undefined };
  const whole = { lsn: 0n, streamedTimeline: 1, isReplica: true, ...replayed };
  return { replayed: whole, followedTimeline: whole.streamedTimeline };
}

describe('a replica is read', () => {
  test('while it answers, follows the present timeline and is at most a minute behind', async () => {
    const { log, primary, grow } = openLog();
    await grow(90);
    expect(whyUnfit(replica({ lsn: primary.lsn }), log)).toBeUndefined();
    expect(whyUnfit(replica({ lsn: primary.lsn - 5_000n }), log)).toBeUndefined();
    expect(whyUnfit(replica({ lsn: primary.lsn - 7_000n }), log)).toBe('lagging');
    expect(whyUnfit(replica({ lsn: 0n }), log)).toBe('lagging');
    expect(whyUnfit(replica({ lsn: primary.lsn, streamedTimeline: 2 }), log)).toBe('other timeline');
    expect(whyUnfit(replica({ lsn: primary.lsn, isReplica: false }), log)).toBe('promoted');
    expect(whyUnfit(replica(undefined), log)).toBe('silent');
  });

  test('as it is, while the primary has never answered', () => {
    expect(whyUnfit(replica({ lsn: 5n, streamedTimeline: undefined }), openLog().log)).toBeUndefined();
  });

  test('though its sender is away for a moment, but not across a promotion', async () => {
    const { log, primary, grow } = openLog();
    await grow(3);
    const cutOff = { ...replica({ lsn: primary.lsn, streamedTimeline: undefined }), followedTimeline: 1 };
    expect(whyUnfit(cutOff, log)).toBeUndefined();
    primary.timeline = 2;
    await grow(1);
    expect(whyUnfit(cutOff, log)).toBe('other timeline');
  });

  test('if it has the least to do, and none is favoured among equals', () => {
    const load = fc.array(fc.nat(5), { minLength: 1, maxLength: 15 });
    fc.assert(
      fc.property(load, fc.float({ min: 0, max: Math.fround(0.999) }), (loads, random) => {
        const candidates = loads.map((inFlight) => ({ inFlight }));
        expect(leastLoaded(candidates, () => random)?.inFlight).toBe(Math.min(...loads));
      }),
    );
    const equals = ['a', 'b', 'c'].map((name) => ({ name, inFlight: 0 }));
    const chosen = [0, 0.4, 0.9].map((random) => leastLoaded(equals, () => random)?.name);
    expect(chosen).toEqual(['a', 'b', 'c']);
    expect(leastLoaded([])).toBeUndefined();
  });

  test('in order of what it knows, where nobody can say what is true', () => {
    const [ahead, behind, silent] = [replica({ lsn: 9n }), replica({ lsn: 3n }), replica(undefined)];
    const promoted = replica({ isReplica: false });
    expect(furthestFirst([silent, behind, promoted, ahead])).toEqual([ahead, behind, silent]);
  });
});

describe('the primary’s log', () => {
  test('tells lag by its own growth: an idle shop has none, whatever its last change was', async () => {
    const { log, primary, grow, pass } = openLog();
    await grow(10);
    pass(3_600_000);
    expect(log.lagSeconds(primary.lsn)).toBe(0);
    expect(log.lagSeconds(primary.lsn - 300n)).toBe(3);
    primary.lsn += 1n;
    await log.ask();
    expect(log.lagSeconds(primary.lsn)).toBe(0);
  });

  test('counts no lag across a promotion', async () => {
    const { log, primary, grow } = openLog();
    await grow(10);
    primary.timeline = 2;
    primary.lsn -= 50n;
    await grow(1);
    expect(log.lagSeconds(primary.lsn)).toBe(0);
    expect(log.lagSeconds(primary.lsn - 100n)).toBe(Number.POSITIVE_INFINITY);
  });

  test('is asked once by requests that begin within 25 ms, and again by the next', async () => {
    const { log, primary, pass } = openLog();
    pass(1_000);
    await Promise.all([log.ask(), log.ask()]);
    pass(25);
    expect((await log.ask()).askedAtMs).toBe(1_000);
    expect(primary.questions).toBe(1);
    pass(1);
    expect((await log.ask()).askedAtMs).toBe(1_026);
    expect(primary.questions).toBe(2);
  });

  test('is asked one question at a time: who comes too late for one shares the next, which goes out later', async () => {
    const { log, primary, pass } = openLog();
    const first = log.ask();
    pass(30);
    const second = log.ask();
    pass(30);
    const third = log.ask();
    expect(primary.questions).toBe(1);
    expect((await first).askedAtMs).toBe(0);
    expect([await second, await third]).toMatchObject([{ askedAtMs: 60 }, { askedAtMs: 60 }]);
    expect(primary.questions).toBe(2);
  });

  test('is asked twice before the primary counts as away, and then left alone for a moment', async () => {
    const { log, primary, pass } = openLog();
    primary.isAway = true;
    await expect(log.ask()).rejects.toThrow('away');
    expect(primary.questions).toBe(2);
    await expect(log.ask()).rejects.toThrow('away');
    expect(primary.questions).toBe(2);
    primary.isAway = false;
    pass(251);
    await expect(log.ask()).resolves.toMatchObject({ askedAtMs: 251 });
  });
});

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
